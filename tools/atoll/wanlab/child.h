// A command in a node of the lab. Its output comes through pipes; it ends with its parent, however
// that ends.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace atoll_cli {

struct ChildSettings {
  std::string program;             // looked up in PATH; empty: this same program
  std::vector<std::string> words;  // from argv[0] on
  std::vector<std::pair<std::string, std::string>> environment;  // besides ours
  int name_space = -1;
};

class Child {
 public:
  // Throws std::runtime_error when there is no process left. A program that cannot be run says so
  // on its standard error and exits with 127.
  explicit Child(const ChildSettings& settings);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int output() const { return output_; }  // to poll and read; they do not block
  int error() const { return error_; }
  // Readable from its end until reap() has seen that end; then -1, so that a poll passes over it.
  int ended_event() const { return status_ ? -1 : ended_event_; }
  void signal_group(int number) const;              // to it and its own children
  // Looks whether it has ended. Only here does ended() change: between two looks it stays what it
  // was, and one who finds a command running can wait for its event.
  void reap();
  // The status as of waitpid, once reap() has seen its end.
  std::optional<int> ended() const { return status_; }
  void close_output() { close(output_); }
  void close_error() { close(error_); }

 private:
  static void close(int& file);

  pid_t pid_ = -1;
  int output_ = -1;
  int error_ = -1;
  int ended_event_ = -1;
  std::optional<int> status_;
};

}  // namespace atoll_cli
