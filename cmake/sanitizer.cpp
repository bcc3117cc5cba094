// Defaults of AddressSanitizer for programs that contain LLVM. LLVM's archives are not instrumented:
// memory that our code poisons through its inline allocators is used by it without unpoisoning. And
// LLVM installs an alternate signal stack, which the sanitizer would take for its own.
extern "C" __attribute__((visibility("default"))) const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_container_overflow=0:detect_leaks=0:use_sigaltstack=0";
}
