#include "tools/atoll/stress/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace atoll_cli {
namespace {

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

struct Pipe {
  Pipe() { require(::pipe2(ends, O_CLOEXEC) == 0, "no pipe for a child process"); }
  int ends[2] = {-1, -1};
};

// Between fork and exec: only what is safe after a fork of a process with threads.
[[noreturn]] void become(char* const* arguments, pid_t parent, int input, int output, int log) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);  // an interrupt from the terminal is for the parent
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  if (::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(log, 2) < 0) ::_exit(127);
  ::execv("/proc/self/exe", arguments);
  ::_exit(127);
}

std::string first_line(const std::filesystem::path& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return line;
}

}  // namespace

StressProcess::StressProcess(const std::vector<std::string>& arguments,
                             const std::string& log_path) {
  std::vector<char*> words = {const_cast<char*>("atoll")};
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int log = log_path.empty()
                      ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
                      : ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  require(log >= 0, "no log file for a child process");
  const Pipe input;
  const Pipe output;
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  require(pid_ >= 0, "no child process");
  if (pid_ == 0) become(words.data(), parent, input.ends[0], output.ends[1], log);
  ::close(log);
  ::close(input.ends[0]);
  ::close(output.ends[1]);
  input_ = input.ends[1];
  output_ = output.ends[0];
  ::fcntl(input_, F_SETFL, O_NONBLOCK);
  ::fcntl(output_, F_SETFL, O_NONBLOCK);
}

StressProcess::~StressProcess() {
  if (!ended()) {
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(input_);
  ::close(output_);
}

void StressProcess::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

void StressProcess::send_line(const std::string& line) const {
  const std::string text = line + "\n";
  // A process that is gone, or whose pipe is full because it stands still, misses it.
  [[maybe_unused]] const ssize_t written = ::write(input_, text.data(), text.size());
}

std::vector<std::string> StressProcess::read_lines() {
  std::array<char, 16384> piece;
  for (;;) {
    const ssize_t count = ::read(output_, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    unread_.append(piece.data(), static_cast<size_t>(count));
  }
  std::vector<std::string> lines;
  for (size_t end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
    lines.push_back(unread_.substr(0, end));
    unread_.erase(0, end + 1);
  }
  return lines;
}

std::optional<int> StressProcess::ended() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

std::string describe_exit(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status));
}

std::string thread_states_of(pid_t pid) {
  std::ostringstream text;
  std::error_code ignored;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, ignored)) {
    text << "  thread " << task.path().filename().string() << ": "
         << first_line(task.path() / "stat") << " wchan " << first_line(task.path() / "wchan")
         << " syscall " << first_line(task.path() / "syscall") << "\n";
  }
  return text.str();
}

}  // namespace atoll_cli
