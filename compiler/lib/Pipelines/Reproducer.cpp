//===- Reproducer.cpp - What a failing pass leaves behind -------------------------------------===//

#include "Reproducer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace {

class ReproducerFile : public ReproducerStream {
public:
  ReproducerFile(int descriptor, std::string path)
      : path(std::move(path)), stream(descriptor, /*shouldClose=*/true) {}

  StringRef description() override { return path; }
  raw_ostream &os() override { return stream; }

private:
  std::string path;
  llvm::raw_fd_ostream stream;
};

} // namespace

std::shared_ptr<std::string> lighthouse::enableReproducer(PassManager &pm, StringRef directory) {
  auto written = std::make_shared<std::string>();
  llvm::SmallString<128> model(directory);
  if (directory.empty())
    llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, model);
  llvm::sys::path::append(model, "lighthouse-reproducer-%%%%%%%%.mlir");
  auto open = [written, model](std::string &error) -> std::unique_ptr<ReproducerStream> {
    llvm::sys::fs::create_directories(llvm::sys::path::parent_path(model));
    int descriptor;
    llvm::SmallString<128> path;
    if (std::error_code code = llvm::sys::fs::createUniqueFile(model, descriptor, path)) {
      error = "cannot write a reproducer: " + code.message();
      return nullptr;
    }
    *written = path.str().str();
    return std::make_unique<ReproducerFile>(descriptor, *written);
  };
  pm.enableCrashReproducerGeneration(open, /*genLocalReproducer=*/true);
  return written;
}
