//===- IncompleteCuda.cpp - A CUDA driver that is too old -----------------===//

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int cuGetErrorName(int, const char **) { return 1; }
EXPORT int cuGetErrorString(int, const char **) { return 1; }
EXPORT int cuDriverGetVersion(int *version) {
  *version = 11020;
  return 0;
}
EXPORT int cuInit(unsigned) { return 0; }
