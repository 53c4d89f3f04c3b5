#include "membership/coordinator/readmissions.h"

#include <algorithm>

namespace atoll_core::membership {

void Readmissions::note_loss(TimePoint now, const std::string& replica, Duration peer_timeout) {
  if (records_.count(replica) == 0 && records_.size() >= kReplicas) {
    records_.erase(std::min_element(records_.begin(), records_.end(),
                                    [](const auto& a, const auto& b) {
                                      return a.second.last < b.second.last;
                                    }));
  }
  Record& record = records_[replica];
  if (now - record.last > kForgiven * peer_timeout) record.losses = 0;
  record.last = now;
  ++record.losses;
  if (record.losses == 1) return;
  const uint32_t doublings = std::min<uint32_t>(record.losses - 2, 16);
  record.not_before = now + std::min<int64_t>(int64_t{1} << doublings, kWaitsMost) * peer_timeout;
}

TimePoint Readmissions::not_before(const std::string& replica) const {
  const auto found = records_.find(replica);
  return found == records_.end() ? TimePoint{} : found->second.not_before;
}

uint32_t Readmissions::losses(const std::string& replica) const {
  const auto found = records_.find(replica);
  return found == records_.end() ? 0 : found->second.losses;
}

TimePoint Readmissions::next(TimePoint now) const {
  TimePoint next = kNever;
  for (const auto& [replica, record] : records_) {
    if (record.not_before > now) next = std::min(next, record.not_before);
  }
  return next;
}

}  // namespace atoll_core::membership
