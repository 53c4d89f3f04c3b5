// How fast a connection may send at most whose congestion control goes by rates (BBR). Several of
// them on one line each take for their share the best that they have seen, and together send up to
// a quarter more than the line carries: that is dropped and sent again. Where it shows, by losses
// and a queue at the same time, each is held to what arrived of it in the best of the last windows,
// so that a moment of trouble does not count. Then the cap grows, as the window of cubic does
// beyond its last loss, so that it finds a line that has got faster. The queue stays: it feeds the
// line while a connection of BBR's looks for the least round trip.
// A state machine without I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace atoll_core::transport {

// What the kernel has counted since the connection began, and its round trips now.
struct PacingSample {
  uint64_t sent_bytes = 0;  // with what was sent again
  uint64_t resent_bytes = 0;
  uint32_t delivered_packets = 0;  // begins again at 0 after the greatest
  uint32_t packet_bytes = 0;       // now: paths change
  Duration round_trip{0};        // smoothed
  Duration least_round_trip{0};  // with no queue
};

class PacingCap {
 public:
  // Of what was sent in a window more was lost than this: as much as BBR's second version bears.
  static constexpr double kLossMax = 0.02;
  // With a queue on the way a round trip is longer by so much.
  static constexpr double kQueueSign = 1.15;
  // A cap begins at what arrived and has grown by a tenth of it after this time, by 0.8 after twice
  // and by 2.7 after three times as long.
  static constexpr Duration kTenthMore = std::chrono::milliseconds(2000);
  static constexpr double kLapsed = 4;  // so many times what arrived: a cap no longer
  static constexpr Duration kWindowMin = std::chrono::milliseconds(100);
  static constexpr uint64_t kWindowBytesMin = 64u << 10;  // fewer say nothing about losses

  // Whether it is time for a sample; asked while there is something to send.
  bool is_due(TimePoint now) const { return now >= next_; }
  // Bytes per second; nothing: no cap.
  std::optional<uint64_t> update(const PacingSample& sample, TimePoint now);

 private:
  // Since the last sample; nothing across a pause.
  std::optional<double> rate_of(const PacingSample& sample, TimePoint now) const;
  bool sends_too_much(const PacingSample& sample) const;
  std::optional<uint64_t> cap_at(TimePoint now) const;

  PacingSample last_;
  TimePoint last_at_{};
  TimePoint next_{};
  std::array<double, 4> rates_{};  // of the last windows, bytes per second
  size_t next_rate_ = 0;
  double arrived_ = 0;  // the best of them when the cap was set; 0: no cap
  TimePoint set_at_{};
};

}  // namespace atoll_core::transport
