//===- SystemCalls.h - The system calls of the cache ------------*- C++ -*-===//
//
// The cache reaches the operating system only through this table, so that tests can let the n-th
// call fail.
//
//===----------------------------------------------------------------------===//

#ifndef LIGHTHOUSE_RUNTIME_SYSTEMCALLS_H
#define LIGHTHOUSE_RUNTIME_SYSTEMCALLS_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <ctime>

namespace lighthouse::runtime {

/// Functions of the same names and meanings as in POSIX; failures are reported through errno.
struct SystemCalls {
  int (*mkdir)(const char *path, mode_t mode);
  int (*openat)(int directory, const char *name, int flags, mode_t mode);
  int (*fstat)(int file, struct stat *result);
  int (*fstatat)(int directory, const char *name, struct stat *result, int flags);
  ssize_t (*read)(int file, void *buffer, size_t size);
  ssize_t (*write)(int file, const void *buffer, size_t size);
  int (*fsync)(int file);
  int (*close)(int file);
  int (*renameat)(int oldDirectory, const char *oldName, int newDirectory, const char *newName);
  int (*unlinkat)(int directory, const char *name, int flags);
  int (*futimens)(int file, const struct timespec times[2]);
  DIR *(*fdopendir)(int file);
  struct dirent *(*readdir)(DIR *directory);
  int (*closedir)(DIR *directory);
  uid_t (*geteuid)();

  /// The calls of the operating system.
  static const SystemCalls &system();
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_SYSTEMCALLS_H
