// When which misfortune is due. The same seed gives the same sequence of intervals and victims.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <random>

#include "tools/atoll/stress/options.h"

namespace atoll_cli {

enum class Misfortune : uint8_t {
  kKill,
  kJoin,
  kLeave,
  kFreeze,
  kCoordinatorRestart,
  kConnectionReset,
  kCount,
};

class StressSchedule {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  StressSchedule(const StressOptions& options, TimePoint start);

  bool due(Misfortune kind, TimePoint now) const;
  // It has happened; the next one comes after half to one and a half times the period.
  void done(Misfortune kind, TimePoint now);
  // Below `end`, which must not be 0.
  size_t pick(size_t end) { return static_cast<size_t>(random_() % end); }

 private:
  struct Entry {
    Milliseconds every{0};
    TimePoint next{};
  };

  std::mt19937_64 random_;
  std::array<Entry, static_cast<size_t>(Misfortune::kCount)> entries_;
};

}  // namespace atoll_cli
