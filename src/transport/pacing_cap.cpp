#include "transport/pacing_cap.h"

#include <algorithm>

namespace atoll_core::transport {
namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::optional<uint64_t> PacingCap::update(const PacingSample& sample, TimePoint now) {
  if (const auto rate = rate_of(sample, now)) {
    rates_[next_rate_++ % rates_.size()] = *rate;
    // What was lost before a cap is counted when it is sent again, a round trip later.
    const bool settled = arrived_ == 0 || now - set_at_ > 3 * sample.round_trip;
    if (settled && sends_too_much(sample)) {
      arrived_ = *std::max_element(rates_.begin(), rates_.end());
      set_at_ = now;
    }
  }
  last_ = sample;
  last_at_ = now;
  next_ = now + std::max(kWindowMin, sample.round_trip);
  const auto cap = cap_at(now);
  if (!cap) arrived_ = 0;
  return cap;
}

std::optional<double> PacingCap::rate_of(const PacingSample& sample, TimePoint now) const {
  const Duration window = now - last_at_;
  if (window > 2 * std::max(kWindowMin, sample.round_trip)) return std::nullopt;
  const uint32_t packets = sample.delivered_packets - last_.delivered_packets;
  return static_cast<double>(packets) * sample.packet_bytes / seconds(window);
}

// Losses alone may be chance, and a queue alone may be somebody else's.
bool PacingCap::sends_too_much(const PacingSample& sample) const {
  const auto sent = static_cast<double>(sample.sent_bytes - last_.sent_bytes);
  const auto resent = static_cast<double>(sample.resent_bytes - last_.resent_bytes);
  return sent >= kWindowBytesMin && resent > kLossMax * sent &&
         seconds(sample.round_trip) > kQueueSign * seconds(sample.least_round_trip);
}

// The curve of cubic's window (RFC 9438, section 4.2) from its middle on: flat, then ever steeper.
std::optional<uint64_t> PacingCap::cap_at(TimePoint now) const {
  if (arrived_ == 0) return std::nullopt;
  const double time = seconds(now - set_at_) / seconds(kTenthMore);
  const double times = 1 + 0.1 * time * time * time;
  if (times > kLapsed) return std::nullopt;
  return static_cast<uint64_t>(times * arrived_);
}

}  // namespace atoll_core::transport
