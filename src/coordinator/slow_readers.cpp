#include "coordinator/slow_readers.h"

#include <algorithm>
#include <utility>

namespace atoll_core::coordinator {

std::vector<membership::ConnectionId> SlowReaders::choose(TimePoint now,
                                                          std::vector<Queue> queues) {
  std::map<membership::ConnectionId, Seen> seen;
  size_t bytes = 0;
  for (const Queue& queue : queues) {
    bytes += queue.bytes;
    const auto before = seen_.find(queue.connection);
    const bool stands = before != seen_.end() && before->second.taken == queue.taken;
    seen[queue.connection] = {queue.taken, stands ? before->second.since : now};
  }
  seen_ = std::move(seen);
  std::sort(queues.begin(), queues.end(),
            [](const Queue& one, const Queue& other) { return one.bytes > other.bytes; });
  std::vector<membership::ConnectionId> chosen;
  const auto take = [&](size_t enough, Duration patience) {
    for (Queue& queue : queues) {
      if (bytes <= enough) return;
      if (queue.bytes == 0 || now - seen_.at(queue.connection).since < patience) continue;
      bytes -= std::exchange(queue.bytes, 0);
      chosen.push_back(queue.connection);
    }
  };
  take(limits_.bytes, limits_.patience);
  take(kFarTooMuch * limits_.bytes, Duration::zero());
  return chosen;
}

}  // namespace atoll_core::coordinator
