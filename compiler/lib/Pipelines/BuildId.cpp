//===- BuildId.cpp - Which compiler this is ---------------------------------------------------===//

#include "lighthouse/Pipelines/Compiler.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"

#include <cstring>
#include <elf.h>
#include <link.h>

using namespace lighthouse;

namespace {

/// The loaded object that holds `address`, and the build id that the linker gave it.
struct Search {
  uintptr_t address;
  std::string id;
};

/// Reads the build id from the notes of a segment.
std::string findInNotes(const char *notes, size_t size) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes, sizeof(header));
    size_t nameBytes = (header.n_namesz + 3) & ~size_t(3);
    size_t descriptionBytes = (header.n_descsz + 3) & ~size_t(3);
    size_t bytes = sizeof(header) + nameBytes + descriptionBytes;
    if (bytes > size)
      break;
    const char *name = notes + sizeof(header);
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && !std::memcmp(name, "GNU", 4))
      return llvm::toHex(llvm::StringRef(name + nameBytes, header.n_descsz), /*LowerCase=*/true);
    notes += bytes;
    size -= bytes;
  }
  return "";
}

int visit(dl_phdr_info *object, size_t, void *data) {
  auto &search = *static_cast<Search *>(data);
  auto segments = llvm::ArrayRef(object->dlpi_phdr, object->dlpi_phnum);
  bool isOurs = llvm::any_of(segments, [&](const ElfW(Phdr) & segment) {
    uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    return segment.p_type == PT_LOAD && search.address >= begin &&
           search.address < begin + segment.p_memsz;
  });
  if (!isOurs)
    return 0;
  for (const ElfW(Phdr) & segment : segments)
    if (segment.p_type == PT_NOTE && search.id.empty())
      search.id = findInNotes(reinterpret_cast<const char *>(object->dlpi_addr + segment.p_vaddr),
                              segment.p_memsz);
  return 1;
}

} // namespace

std::string_view lighthouse::compilerVersion() { return LIGHTHOUSE_VERSION; }

std::string_view lighthouse::llvmVersion() { return LLVM_VERSION_STRING; }

std::string lighthouse::compilerBuildId() {
  Search search{reinterpret_cast<uintptr_t>(&compilerBuildId), ""};
  dl_iterate_phdr(visit, &search);
  return search.id;
}
