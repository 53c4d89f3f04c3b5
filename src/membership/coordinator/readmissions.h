// How long a replica that the run loses again and again must wait before it is let in once more.
//
// Each admission and each loss costs all members a settle round. A member behind a line that fails
// every minute would make them pay that every minute. So one that was lost because it could not be
// reached is let in at once the first time; the second time it waits one peer timeout, then two,
// four, up to kWaitsMost. A process that died and was started again does not count: it is well.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/limits.h"
#include "base/time.h"

namespace atoll_core::membership {

class Readmissions {
 public:
  static constexpr int64_t kWaitsMost = 16;   // peer timeouts
  static constexpr int64_t kForgiven = 32;    // peer timeouts without a loss: it flaps no more
  static constexpr size_t kReplicas = limits::kReadmissions;   // of those lost last

  void note_loss(TimePoint now, const std::string& replica, Duration peer_timeout);
  // It may be let in from then on.
  TimePoint not_before(const std::string& replica) const;
  uint32_t losses(const std::string& replica) const;  // in a row
  // The first moment after `now` at which somebody's wait is over; kNever: nobody waits.
  TimePoint next(TimePoint now) const;
  size_t size() const { return records_.size(); }

 private:
  struct Record {
    uint32_t losses = 0;
    TimePoint last{};
    TimePoint not_before{};
  };
  std::map<std::string, Record> records_;
};

}  // namespace atoll_core::membership
