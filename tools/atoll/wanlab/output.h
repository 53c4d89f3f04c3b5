// The output of a node's command, line by line with the node's name in front, or in a log file.
#pragma once

#include <string>

namespace atoll_cli {

// One stream of one command. Lines of different commands never mix.
class OutputRelay {
 public:
  // `prefix` goes before each line; `destination` is a file descriptor that stays open.
  OutputRelay(std::string prefix, int destination);

  // Passes on the whole lines that `source` (non-blocking) has now. False at its end.
  bool pump(int source);
  // Passes on what has come of a last line without an end.
  void flush();

 private:
  void write_line(const char* begin, size_t count) const;

  std::string prefix_;
  int destination_;
  std::string unfinished_;
};

}  // namespace atoll_cli
