// What a link carries when it is loaded, from the traffic there is: nothing is sent for it. Fed
// with what the other end acknowledges, a few additions for each frame that brings news.
//
// Only stretches count in which the link always had something to send. When the rest of this host's
// links carried next to nothing meanwhile, the rate is that of the pair; else that of all together
// is what the host can send.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace atoll_core::link {

struct RateStretch {
  Duration least = std::chrono::milliseconds(50);  // so long at least
  uint64_t bytes = 1u << 20;                       // and so much
};

// The best of the last few, so that a moment of trouble is forgotten, and a path that has become
// slower is noticed.
class RateSamples {
 public:
  void add(uint64_t bytes_per_second);
  uint64_t best() const;  // 0: none

 private:
  std::array<uint64_t, 16> samples_{};
  size_t next_ = 0;
};

// Of all links of one peer; outlives them.
struct HostMeter {
  uint64_t acknowledged = 0;  // bytes
  RateSamples egress;
};

class RateMeter {
 public:
  RateMeter(HostMeter& host, const RateStretch& stretch) : host_(host), stretch_(stretch) {}

  // So many bytes more have arrived at the other end.
  void acknowledged(TimePoint now, uint64_t bytes);
  // The link could have sent more than it had.
  void ran_dry() { dry_ = true; }

  uint64_t bytes_per_second() const { return samples_.best(); }  // of the pair; 0: not known

 private:
  void begin(TimePoint now);
  void end();

  HostMeter& host_;
  const RateStretch stretch_;
  RateSamples samples_;
  bool dry_ = true;
  TimePoint begin_{};
  TimePoint last_{};
  uint64_t bytes_ = 0;       // from the one to the other
  uint64_t all_begin_ = 0;   // host_.acknowledged then
  uint64_t all_last_ = 0;
};

}  // namespace atoll_core::link
