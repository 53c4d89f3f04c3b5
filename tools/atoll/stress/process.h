// A child process of `atoll stress` or `atoll bench`. Its standard error is a log file, or that of
// its parent; its standard output and input are pipes. It ends with its parent, however that ends.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace atoll_cli {

class StressProcess {
 public:
  // `arguments` are for this same program; without a log path it writes to our standard error.
  // Throws std::runtime_error when there is no process left.
  StressProcess(const std::vector<std::string>& arguments, const std::string& log_path);
  ~StressProcess();
  StressProcess(const StressProcess&) = delete;
  StressProcess& operator=(const StressProcess&) = delete;

  pid_t pid() const { return pid_; }
  int output() const { return output_; }  // to poll
  void signal(int number) const;
  void send_line(const std::string& line) const;

  // Whole lines that have come since; never waits.
  std::vector<std::string> read_lines();
  // The status as of waitpid, once it has ended.
  std::optional<int> ended();

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string unread_;
  std::optional<int> status_;
};

// "exit code 3", "signal 9".
std::string describe_exit(int status);

// Where the threads of another process are, as far as /proc says.
std::string thread_states_of(pid_t pid);

}  // namespace atoll_cli
