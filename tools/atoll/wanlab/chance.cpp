#include "tools/atoll/wanlab/chance.h"

#include <algorithm>
#include <cmath>

namespace atoll_cli {
namespace {

// In (0, 1]; the standard distributions differ between libraries.
double uniform(std::mt19937_64& random) {
  return static_cast<double>((random() >> 11) + 1) * 0x1p-53;
}

}  // namespace

Loss::Loss(double probability, uint64_t seed) : probability_(probability), random_(seed) {
  if (probability_ > 0) draw();
}

void Loss::draw() {
  if (probability_ >= 1) {
    good_ = 0;
    return;
  }
  const double packets = std::floor(std::log(uniform(random_)) / std::log1p(-probability_));
  good_ = static_cast<uint64_t>(std::min(packets, 1e18));
}

std::optional<uint32_t> Loss::first_lost(uint32_t packets) {
  if (probability_ <= 0) return std::nullopt;
  if (good_ >= packets) {
    good_ -= packets;
    return std::nullopt;
  }
  const auto lost = static_cast<uint32_t>(good_);
  draw();
  return lost;
}

// The line falls by at most 2 jitter in 4: a packet gains at most half of its distance to the one
// before it.
Jitter::Jitter(Nanoseconds jitter, uint64_t seed)
    : jitter_(jitter),
      step_(std::max<Nanoseconds>(4 * jitter, std::chrono::milliseconds(10))),
      random_(seed) {}

Nanoseconds Jitter::draw() {
  const auto width = static_cast<double>(2 * jitter_.count());
  return Nanoseconds(std::llround(uniform(random_) * width)) - jitter_;
}

Nanoseconds Jitter::at(Nanoseconds now) {
  if (jitter_ == Nanoseconds(0)) return jitter_;
  now = latest_ = std::max(now, latest_);
  if (!begun_) {
    begun_ = true;
    begin_ = now;
    left_ = draw();
    right_ = draw();
  }
  while (now - begin_ >= step_) {
    left_ = right_;
    right_ = draw();
    const auto skipped = std::max<int64_t>(1, (now - begin_) / step_ - 1);
    begin_ += skipped * step_;
  }
  const double part = static_cast<double>((now - begin_).count()) /
                      static_cast<double>(step_.count());
  const auto way = static_cast<double>((right_ - left_).count());
  return left_ + Nanoseconds(std::llround(part * way));
}

}  // namespace atoll_cli
