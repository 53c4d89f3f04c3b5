#include "tools/atoll/wanlab/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace atoll_cli {
namespace {

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

struct Pipe {
  Pipe() { require(::pipe2(ends, O_CLOEXEC) == 0, "no pipe for a command"); }
  int ends[2] = {-1, -1};
};

// All that the child needs, made before the fork: after it little is safe.
struct Launch {
  const char* program;
  std::string complaint;
  std::vector<char*> words;
  std::vector<char*> environment;
  pid_t parent;
  int name_space;
  int output;
  int error;
};

[[noreturn]] void give_up(const std::string& complaint) {
  [[maybe_unused]] const ssize_t written = ::write(2, complaint.data(), complaint.size());
  ::_exit(127);
}

[[noreturn]] void become(const Launch& launch) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::setpgid(0, 0);  // an interrupt from the terminal is for the parent
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(127);
  const int input = ::open("/dev/null", O_RDONLY);
  if (input < 0 || ::dup2(input, 0) < 0) ::_exit(127);
  if (::dup2(launch.output, 1) < 0 || ::dup2(launch.error, 2) < 0) ::_exit(127);
  if (input > 2) ::close(input);
  if (::setns(launch.name_space, CLONE_NEWNET) != 0) give_up("cannot enter the namespace\n");
  ::execvpe(launch.program, launch.words.data(), launch.environment.data());
  give_up(launch.complaint);
}

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(added.begin(), added.end(),
                                      [&](const auto& pair) { return pair.first == name; });
    if (!replaced) all.push_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Child::Child(const ChildSettings& settings) {
  const std::vector<std::string> environment = environment_with(settings.environment);
  const Pipe output;
  const Pipe error;
  const Launch launch{
      settings.program.empty() ? "/proc/self/exe" : settings.program.c_str(),
      "cannot run '" + settings.program + "': is it there, and executable?\n",
      pointers_to(settings.words),
      pointers_to(environment),
      ::getpid(),
      settings.name_space,
      output.ends[1],
      error.ends[1]};
  pid_ = ::fork();
  if (pid_ == 0) become(launch);
  const int problem = errno;
  ::close(output.ends[1]);
  ::close(error.ends[1]);
  output_ = output.ends[0];
  error_ = error.ends[0];
  errno = problem;
  require(pid_ > 0, "no process for a command");
  ::setpgid(pid_, pid_);  // by both, whoever comes first
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
  ::fcntl(error_, F_SETFL, O_NONBLOCK);
  ended_event_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  require(ended_event_ >= 0, "cannot watch a command");
}

Child::~Child() {
  reap();
  if (!status_) {
    signal_group(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close(output_);
  close(error_);
  close(ended_event_);
}

void Child::close(int& file) {
  if (file >= 0) ::close(file);
  file = -1;
}

void Child::signal_group(int number) const {
  if (!status_) ::kill(-pid_, number);
}

void Child::reap() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
}

}  // namespace atoll_cli
