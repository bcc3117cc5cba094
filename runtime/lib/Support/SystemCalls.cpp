//===- SystemCalls.cpp - The calls of the operating system ----------------===//

#include "lighthouse/runtime/SystemCalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

namespace lighthouse::runtime {

const SystemCalls &SystemCalls::system() {
  static constexpr SystemCalls calls = {
      .mkdir = ::mkdir,
      .openat = [](int directory, const char *name, int flags,
                   mode_t mode) { return ::openat(directory, name, flags, mode); },
      .fstat = ::fstat,
      .fstatat = ::fstatat,
      .read = ::read,
      .write = ::write,
      .fsync = ::fsync,
      .close = ::close,
      .renameat = ::renameat,
      .unlinkat = ::unlinkat,
      .futimens = ::futimens,
      .fdopendir = ::fdopendir,
      .readdir = ::readdir,
      .closedir = ::closedir,
      .geteuid = ::geteuid,
  };
  return calls;
}

} // namespace lighthouse::runtime
