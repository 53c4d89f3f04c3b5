#include "link/connection_watch.h"

#include <algorithm>

#include <fmt/format.h>

namespace atoll_core::link {

bool ConnectionWatch::confirm(TimePoint now, uint64_t arrived) {
  if (arrived > written_) return false;
  const bool stands = arrived <= arrived_ && arrived_ < written_;
  arrived_ = std::max(arrived_, arrived);
  if (!stands) {
    standing_.reset();
    return true;
  }
  if (!standing_) standing_ = now;
  told_ = now;
  return true;
}

std::optional<std::string> ConnectionWatch::check(TimePoint now, Duration slept, Duration limit) {
  if (!heard_) heard_ = now;
  heard_ = std::min(now, *heard_ + slept);
  if (standing_) standing_ = std::min(told_, *standing_ + slept);
  if (now - *heard_ >= limit) {
    return fmt::format("nothing has come over it for {} ms", to_ms(now - *heard_));
  }
  if (standing_ && told_ - *standing_ >= limit) {
    return fmt::format("{} bytes that were sent have not arrived for {} ms", written_ - arrived_,
                       to_ms(told_ - *standing_));
  }
  return std::nullopt;
}

}  // namespace atoll_core::link
