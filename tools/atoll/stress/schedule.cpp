#include "tools/atoll/stress/schedule.h"

namespace atoll_cli {

StressSchedule::StressSchedule(const StressOptions& options, TimePoint start)
    : random_(options.seed),
      entries_{Entry{options.kill_every},    Entry{options.join_every},
               Entry{options.leave_every},   Entry{options.freeze_every},
               Entry{options.coordinator_restart_every},
               Entry{options.reset_connections_every}} {
  for (size_t kind = 0; kind < entries_.size(); ++kind) done(static_cast<Misfortune>(kind), start);
}

bool StressSchedule::due(Misfortune kind, TimePoint now) const {
  const Entry& entry = entries_[static_cast<size_t>(kind)];
  return entry.every.count() > 0 && entry.next <= now;
}

void StressSchedule::done(Misfortune kind, TimePoint now) {
  Entry& entry = entries_[static_cast<size_t>(kind)];
  const auto period = static_cast<size_t>(entry.every.count());
  entry.next = now + Milliseconds(period / 2 + pick(period + 1));
}

}  // namespace atoll_cli
