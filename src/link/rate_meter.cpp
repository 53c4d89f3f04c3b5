#include "link/rate_meter.h"

#include <algorithm>

namespace atoll_core::link {
namespace {

// A longer one is cut, so that it says what it has to say.
constexpr int kLongest = 5;  // times the least
// Others count when they have carried so much of what this link has.
constexpr uint64_t kOthersPart = 8;

uint64_t per_second(uint64_t bytes, Duration time) {
  return static_cast<uint64_t>(static_cast<double>(bytes) /
                               std::chrono::duration<double>(time).count());
}

}  // namespace

void RateSamples::add(uint64_t bytes_per_second) {
  samples_[next_++ % samples_.size()] = bytes_per_second;
}

uint64_t RateSamples::best() const { return *std::max_element(samples_.begin(), samples_.end()); }

void RateMeter::begin(TimePoint now) {
  dry_ = false;
  begin_ = last_ = now;
  bytes_ = 0;
  all_begin_ = all_last_ = host_.acknowledged;
}

void RateMeter::end() {
  const Duration time = last_ - begin_;
  if (time < stretch_.least || time == Duration{0} || bytes_ < stretch_.bytes) return;
  const uint64_t all = all_last_ - all_begin_;
  if (all - bytes_ <= bytes_ / kOthersPart) samples_.add(per_second(bytes_, time));
  else host_.egress.add(per_second(all, time));
}

void RateMeter::acknowledged(TimePoint now, uint64_t bytes) {
  if (bytes == 0) return;
  host_.acknowledged += bytes;
  if (dry_) {
    end();
    return begin(now);
  }
  bytes_ += bytes;
  last_ = now;
  all_last_ = host_.acknowledged;
  if (now - begin_ < kLongest * stretch_.least || bytes_ < stretch_.bytes) return;
  end();
  begin(now);
}

}  // namespace atoll_core::link
