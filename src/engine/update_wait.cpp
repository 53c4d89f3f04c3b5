#include "engine/update_wait.h"

#include <algorithm>

#include "membership/common/sentence.h"

namespace atoll_core::engine {

UpdateWait::UpdateWait(CallId call, TimePoint now, Duration timeout)
    : call_(call),
      since_(now),
      deadline_(now + timeout),
      question_(now + std::min(kPatience, timeout / 2)) {}

double UpdateWait::waited_seconds(TimePoint now) const {
  return std::chrono::duration<double>(now - since_).count();
}

bool UpdateWait::take_question(TimePoint now) {
  if (asked_ || question_ > now) return false;
  return asked_ = true;
}

bool UpdateWait::take_notice(TimePoint now) { return notice_.take(now, since_); }

TimePoint UpdateWait::next_deadline() const {
  const TimePoint next = std::min(deadline_, notice_.next(since_));
  return asked_ ? next : std::min(next, question_);
}

void UpdateWait::hear(std::vector<std::string> reasons) {
  heard_ = membership::join(reasons, "; ");
}

std::string UpdateWait::reason(const std::string& hindrance) const {
  if (!hindrance.empty()) return ": " + hindrance;
  if (!heard_) return ", and the coordinator has not told yet for what";
  return heard_->empty() ? "" : ": " + *heard_;
}

}  // namespace atoll_core::engine
