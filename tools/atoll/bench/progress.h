// A line on standard error that tells somebody who waits how far it is.
#pragma once

#include <string>

namespace atoll_cli {

// On a terminal one line that is written over, a few times per second; elsewhere a line now and
// then. Before other output it is wiped.
class BenchProgress {
 public:
  explicit BenchProgress(bool shown);
  ~BenchProgress() { wipe(); }
  BenchProgress(const BenchProgress&) = delete;
  BenchProgress& operator=(const BenchProgress&) = delete;

  void show(const std::string& line);
  void wipe();

 private:
  bool shown_;
  bool terminal_;
  bool written_ = false;
  double next_ = 0;
};

}  // namespace atoll_cli
