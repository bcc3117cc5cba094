//===- Thread.h - Threads that a library starts -----------------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_THREAD_H
#define LIGHTHOUSE_RUNTIME_THREAD_H

#include <cstddef>
#include <pthread.h>

namespace lighthouse::runtime {

/// Starts a thread that leaves the signals of the process to the threads of the host program: it
/// blocks all but those of faults, which come to the thread that made one, and of profilers
/// (`SIGPROF`). Returns 0 or an errno.
int startThread(pthread_t &thread, std::size_t stackBytes, void *(*enter)(void *), void *argument);

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_THREAD_H
