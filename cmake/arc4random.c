// arc4random of glibc 2.36, which the archives of LLVM and libstdc++ call, for programs that run with
// an older one. Hidden, so that it is for the program or library that contains it alone.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

__attribute__((visibility("hidden"))) uint32_t arc4random(void) {
  uint32_t value;
  while (getrandom(&value, sizeof value, 0) != sizeof value)
    if (errno != EINTR)
      abort();
  return value;
}
