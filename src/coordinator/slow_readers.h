// Which control connections are given up when too much waits to be sent over all of them. A large
// run makes much to send at once (a roster for each peer), and those who read take it soon. So
// those go first that read nothing at all, the one for which most waits before the others; and when
// even so there is far too much, whoever has most.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "membership/coordinator/coordinator_machine.h"

namespace atoll_core::coordinator {

class SlowReaders {
 public:
  static constexpr size_t kFarTooMuch = 4;  // times what may wait

  struct Limits {
    size_t bytes = limits::kControlQueueBytesInAll;
    Duration patience = std::chrono::seconds(2);  // with one that takes nothing
  };
  struct Queue {
    membership::ConnectionId connection;
    size_t bytes = 0;   // that wait
    uint64_t taken = 0;  // by the other side, since the connection began
  };

  SlowReaders() : SlowReaders(Limits{}) {}
  explicit SlowReaders(const Limits& limits) : limits_(limits) {}

  bool too_much(size_t bytes) const { return bytes > limits_.bytes; }
  // To be asked as long as there is too much: of all connections over which something waits, those
  // to give up.
  std::vector<membership::ConnectionId> choose(TimePoint now, std::vector<Queue> queues);
  // There is not, or no longer.
  void forget() { seen_.clear(); }

 private:
  struct Seen {
    uint64_t taken = 0;
    TimePoint since{};  // it has taken nothing
  };

  Limits limits_;
  std::map<membership::ConnectionId, Seen> seen_;
};

}  // namespace atoll_core::coordinator
