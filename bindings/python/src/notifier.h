// Tells event loops and threads which calls have ended, by a descriptor that becomes readable.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "src/errors.h"

namespace atoll_python {

class Notifier {
 public:
  Notifier();
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  int descriptor() const { return descriptor_; }
  // From any thread.
  void put(uint64_t token);
  // What was put since the last time.
  std::vector<uint64_t> take();
  // Waits for something to take, at most so long. Without the GIL.
  void wait(int timeout_ms) const;

 private:
  int descriptor_ = -1;
  std::mutex mutex_;
  std::vector<uint64_t> tokens_;
};

void bind_notifier(py::module_& module);

}  // namespace atoll_python
