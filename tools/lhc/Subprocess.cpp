//===- Subprocess.cpp - Work that may crash or hang, in processes of its own ------------------===//

#include "Subprocess.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace lhc;

namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t interrupted = 0;

struct Running {
  size_t index;
  pid_t pid;
  Clock::time_point end;
};

/// Returns 0 or an errno.
int start(const Subprocess &process, pid_t &pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, process.log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::vector<char *> arguments;
  for (const std::string &argument : process.arguments)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  int error =
      posix_spawn(&pid, process.program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

/// The first error in a log: the text after "error: ".
std::string firstError(const std::string &log) {
  auto buffer = llvm::MemoryBuffer::getFile(log);
  if (!buffer)
    return "";
  llvm::StringRef text = (*buffer)->getBuffer();
  size_t at = text.find("error: ");
  return at == llvm::StringRef::npos ? "" : text.substr(at + 7).split('\n').first.str();
}

std::string reasonOf(int status, const Subprocess &process) {
  if (WIFSIGNALED(status))
    return llvm::formatv("crashed: {0}", strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) == 0)
    return "";
  std::string error = firstError(process.log);
  return error.empty() ? llvm::formatv("ended with exit status {0}", WEXITSTATUS(status)).str()
                       : error;
}

} // namespace

void lhc::runAll(llvm::ArrayRef<Subprocess> processes, unsigned jobs, double timeoutSeconds,
                 llvm::function_ref<void(size_t, const std::string &)> done) {
  // A clock's ticks since its epoch must still fit.
  constexpr double longest = 1e9;
  auto allowed = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::min(timeoutSeconds, longest)));
  std::vector<Running> running;
  size_t next = 0;
  while (next < processes.size() || !running.empty()) {
    while (next < processes.size() && running.size() < std::max(1u, jobs)) {
      size_t index = next++;
      if (wasInterrupted()) {
        done(index, "interrupted");
        continue;
      }
      pid_t pid;
      if (int error = start(processes[index], pid))
        done(index, std::string("cannot be started: ") + strerror(error));
      else
        running.push_back({index, pid, Clock::now() + allowed});
    }
    bool any = false;
    for (size_t i = 0; i < running.size();) {
      Running one = running[i];
      int status = 0;
      pid_t waited = waitpid(one.pid, &status, WNOHANG);
      std::string reason;
      if (waited == one.pid) {
        reason = reasonOf(status, processes[one.index]);
      } else if (waited == 0 && (wasInterrupted() || Clock::now() > one.end)) {
        kill(one.pid, SIGKILL);
        waitpid(one.pid, &status, 0);
        reason = wasInterrupted()
                     ? "interrupted"
                     : llvm::formatv("took more than {0} s", timeoutSeconds).str();
      } else if (waited < 0 && errno != EINTR) {
        reason = std::string("was lost: ") + strerror(errno);
      } else {
        ++i;
        continue;
      }
      running.erase(running.begin() + i);
      any = true;
      done(one.index, reason);
    }
    if (!any && !running.empty())
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void lhc::deferInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = int(SA_RESETHAND) | SA_RESTART;
  for (int signal : {SIGINT, SIGTERM, SIGHUP})
    sigaction(signal, &action, nullptr);
}

bool lhc::wasInterrupted() { return interrupted; }

void lhc::dieWithParent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

Subprocess lhc::thisProcess() {
  Subprocess process{"/proc/self/exe", {}, "/dev/null"};
  auto buffer = llvm::MemoryBuffer::getFileAsStream("/proc/self/cmdline");
  if (!buffer)
    return process;
  llvm::StringRef text = (*buffer)->getBuffer();
  while (!text.empty()) {
    auto [argument, rest] = text.split('\0');
    process.arguments.push_back(argument.str());
    text = rest;
  }
  return process;
}
