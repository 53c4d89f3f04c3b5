// The random parts of a path: which packets it loses, and how its delay wanders.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "tools/atoll/wanlab/settings.h"

namespace atoll_cli {

// Each packet is lost with the same probability, independently.
class Loss {
 public:
  Loss(double probability, uint64_t seed);

  // The first lost one of the next `packets` packets, if one is, and then the packets up to and
  // including it count as seen; otherwise all of them do.
  std::optional<uint32_t> first_lost(uint32_t packets);

 private:
  void draw();

  double probability_;
  std::mt19937_64 random_;
  uint64_t good_ = 0;  // packets before the next lost one
};

// By how much the delay differs from its mean: within plus and minus `jitter`. It goes in a
// straight line from one drawn value to the next, so slowly that packets stay in order.
class Jitter {
 public:
  Jitter(Nanoseconds jitter, uint64_t seed);

  // Times never go back; an earlier one counts as the latest.
  Nanoseconds at(Nanoseconds now);
  // A value of its own, as for each packet where the network may reorder.
  Nanoseconds draw();

 private:
  Nanoseconds jitter_;
  Nanoseconds step_;
  std::mt19937_64 random_;
  Nanoseconds begin_{0};  // of the straight line
  Nanoseconds left_{0};
  Nanoseconds right_{0};
  Nanoseconds latest_{0};
  bool begun_ = false;
};

}  // namespace atoll_cli
