//===- Thread.cpp - Threads that a library starts -------------------------===//

#include "lighthouse/runtime/Thread.h"

#include <initializer_list>
#include <signal.h>

namespace lighthouse::runtime {

int startThread(pthread_t &thread, std::size_t stackBytes, void *(*enter)(void *), void *argument) {
  pthread_attr_t attributes;
  if (int error = pthread_attr_init(&attributes))
    return error;
  int error = pthread_attr_setstacksize(&attributes, stackBytes);
  if (error == 0) {
    // A fault whose signal is blocked ends the process past the handlers of the host program. And a
    // profiler wants to be told of the time of every thread.
    sigset_t blocked, previous;
    sigfillset(&blocked);
    for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF})
      sigdelset(&blocked, signal);
    pthread_sigmask(SIG_SETMASK, &blocked, &previous);
    error = pthread_create(&thread, &attributes, enter, argument);
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

} // namespace lighthouse::runtime
