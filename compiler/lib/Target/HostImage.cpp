//===- HostImage.cpp - From an ELF object to a flat image -------------------------------------===//
//
// A linker for the little that kernels need: text and read-only data of one object, relocations
// relative to the program counter, no symbols from outside.
//
//===------------------------------------------------------------------------------------------===//

#include "lighthouse/Target/Host.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace lighthouse;
using object::ELF64LEObjectFile;
using object::ELFSectionRef;
using object::ELFSymbolRef;
using object::RelocationRef;
using object::SectionRef;
using object::SymbolRef;

namespace {

/// Bytes to which the text is padded, so that data never shares a page with code.
constexpr uint64_t pageBytes = 4096;

class ImageLinker {
public:
  explicit ImageLinker(const ELF64LEObjectFile &object) : object(object) {}

  Expected<HostImage> link() {
    if (Error error = place(/*executable=*/true))
      return error;
    uint64_t text = alignTo(image.bytes.size(), pageBytes);
    image.bytes.resize(text, '\0');
    image.textBytes = text;
    if (Error error = place(/*executable=*/false))
      return error;
    for (const SectionRef &section : object.sections())
      if (Error error = relocate(section))
        return error;
    if (Error error = collectKernels())
      return error;
    return std::move(image);
  }

private:
  /// Copies the allocated sections of one kind into the image.
  Error place(bool executable) {
    for (const SectionRef &section : object.sections()) {
      uint64_t flags = ELFSectionRef(section).getFlags();
      if (!(flags & ELF::SHF_ALLOC) || section.getSize() == 0 ||
          bool(flags & ELF::SHF_EXECINSTR) != executable)
        continue;
      Expected<StringRef> name = section.getName();
      if (!name)
        return name.takeError();
      if (flags & ELF::SHF_WRITE)
        return createStringError("the code has mutable data in section '" + *name + "'");
      Expected<StringRef> contents = section.getContents();
      if (!contents)
        return contents.takeError();
      uint64_t offset = alignTo(image.bytes.size(), section.getAlignment());
      image.bytes.resize(offset, '\0');
      image.bytes += *contents;
      offsets[section.getIndex()] = offset;
    }
    return Error::success();
  }

  /// Where a symbol of this object lies in the image.
  Expected<uint64_t> addressOf(const SymbolRef &symbol) {
    Expected<object::section_iterator> section = symbol.getSection();
    if (!section)
      return section.takeError();
    Expected<uint64_t> value = symbol.getValue();
    if (!value)
      return value.takeError();
    if (*section != object.section_end())
      if (auto found = offsets.find((*section)->getIndex()); found != offsets.end())
        return found->second + *value;
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    return createStringError("the code refers to '" + *name + "', which is not part of it");
  }

  Error relocate(const SectionRef &section) {
    Expected<object::section_iterator> target = section.getRelocatedSection();
    if (!target)
      return target.takeError();
    if (*target == object.section_end())
      return Error::success();
    auto base = offsets.find((*target)->getIndex());
    if (base == offsets.end())
      return Error::success();
    for (const RelocationRef &relocation : section.relocations()) {
      Expected<uint64_t> symbol = addressOf(*relocation.getSymbol());
      if (!symbol)
        return symbol.takeError();
      Expected<int64_t> addend = object::ELFRelocationRef(relocation).getAddend();
      if (!addend)
        return addend.takeError();
      uint64_t place = base->second + relocation.getOffset();
      int64_t value = int64_t(*symbol) + *addend - int64_t(place);
      switch (relocation.getType()) {
      case ELF::R_X86_64_PC32:
      case ELF::R_X86_64_PLT32:
        if (!isInt<32>(value) || place + 4 > image.bytes.size())
          return createStringError("a relocation of the code is out of range");
        support::endian::write32le(image.bytes.data() + place, uint32_t(value));
        break;
      case ELF::R_X86_64_PC64:
        if (place + 8 > image.bytes.size())
          return createStringError("a relocation of the code is out of range");
        support::endian::write64le(image.bytes.data() + place, uint64_t(value));
        break;
      default: {
        SmallString<32> name;
        relocation.getTypeName(name);
        return createStringError("the code has a relocation of type " + name +
                                 ", which is not relative to its own place");
      }
      }
    }
    return Error::success();
  }

  /// Frame sizes by offset in the image, from the section that LLVM writes for this purpose: an
  /// address, which is a relocation, and a size for every function.
  Error readStackSizes() {
    for (const SectionRef &relocations : object.sections()) {
      Expected<object::section_iterator> target = relocations.getRelocatedSection();
      if (!target)
        return target.takeError();
      if (*target == object.section_end())
        continue;
      Expected<StringRef> name = (*target)->getName();
      if (!name)
        return name.takeError();
      if (*name != ".stack_sizes")
        continue;
      Expected<StringRef> contents = (*target)->getContents();
      if (!contents)
        return contents.takeError();
      for (const RelocationRef &relocation : relocations.relocations()) {
        Expected<uint64_t> symbol = addressOf(*relocation.getSymbol());
        if (!symbol)
          return symbol.takeError();
        Expected<int64_t> addend = object::ELFRelocationRef(relocation).getAddend();
        if (!addend)
          return addend.takeError();
        StringRef size = contents->drop_front(relocation.getOffset() + sizeof(uint64_t));
        stackSizes[*symbol + *addend] = decodeULEB128(size.bytes_begin());
      }
    }
    return Error::success();
  }

  /// Every function with a name of its own is a kernel; the others are what kernels call.
  Error collectKernels() {
    if (Error error = readStackSizes())
      return error;
    uint64_t helpers = 0;
    for (const ELFSymbolRef symbol : object.symbols()) {
      if (symbol.getELFType() != ELF::STT_FUNC)
        continue;
      Expected<uint64_t> address = addressOf(symbol);
      if (!address)
        return address.takeError();
      Expected<StringRef> name = symbol.getName();
      if (!name)
        return name.takeError();
      // The frame and the return address.
      uint64_t stack = stackSizes.lookup(*address) + 8;
      if (symbol.getBinding() == ELF::STB_LOCAL)
        helpers += stack;
      else
        image.kernels.push_back({name->str(), *address, stack});
    }
    for (HostImage::Kernel &kernel : image.kernels)
      kernel.stackBytes += helpers;
    return Error::success();
  }

  const ELF64LEObjectFile &object;
  HostImage image;
  /// Section index -> offset in the image.
  DenseMap<uint64_t, uint64_t> offsets;
  DenseMap<uint64_t, uint64_t> stackSizes;
};

} // namespace

Expected<HostImage> lighthouse::linkHostImage(StringRef bytes) {
  auto object = object::ObjectFile::createELFObjectFile(MemoryBufferRef(bytes, "kernels"));
  if (!object)
    return object.takeError();
  auto *elf = dyn_cast<ELF64LEObjectFile>(object->get());
  if (!elf)
    return createStringError("not a 64-bit little-endian ELF object");
  return ImageLinker(*elf).link();
}
