// Lines of a log on their way to something that may block: standard error, of which nobody may read
// (a launcher's pipe, a stopped terminal), or a callback of the program, which may wait for a lock.
// Who logs must not wait for that: the run would. So lines are put on a queue, from which a thread
// takes them. When the queue is full what comes is left out and counted, and where the gap is one
// line says so. What began the trouble is kept that way, and the order.
//
// The thread is started with the first line. Without one (the process may have no more) lines wait
// on the queue, and each further one tries again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.h"

namespace atoll_core::process {

struct LogLine {
  int level = 0;
  std::string text;
  uint64_t left_out = 0;  // not 0: of a gap of so many lines; then there is no text
};

class LogWriter {
 public:
  static constexpr size_t kLines = 1024;
  static constexpr size_t kBytes = 256u << 10;
  // What an end waits for lines that are still being written.
  static constexpr Duration kFarewell = std::chrono::milliseconds(300);

  // May block, on the writer's thread, one line at a time. What it throws is dropped.
  using Write = std::function<void(const LogLine& line)>;

  explicit LogWriter(Write write);
  // Once it has returned `write` is not called again: it waits for a call that is under way.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Any thread; waits for nobody.
  void add(LogLine line);
  // Lines that are not being written yet.
  size_t waiting() const;
  // Until all that was added is written, for at most so long. Whether it is.
  bool drain(Duration patience);

 private:
  struct Shared;
  static void serve(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace atoll_core::process
