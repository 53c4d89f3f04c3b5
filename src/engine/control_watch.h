// What is to be told of the control connection: its state, since when, and when it was heard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"

namespace atoll_core::engine {

class ControlWatch {
 public:
  enum class Phase : uint8_t { kIdle, kDialling, kUp, kLost };

  void dialling(TimePoint now) { change(now, Phase::kDialling); }
  void up(TimePoint now) {
    change(now, Phase::kUp);
    heard_ = now;
    ++connects_;
  }
  void heard(TimePoint now) { heard_ = now; }
  void lost(TimePoint now, std::string reason) {
    change(now, Phase::kLost);
    reason_ = std::move(reason);
  }

  Phase phase() const { return phase_; }
  TimePoint since() const { return since_; }
  std::optional<TimePoint> heard() const { return heard_; }
  uint64_t connects() const { return connects_; }  // how often it was made
  const std::string& last_loss() const { return reason_; }

 private:
  void change(TimePoint now, Phase phase) {
    if (phase_ == phase) return;
    phase_ = phase;
    since_ = now;
  }

  Phase phase_ = Phase::kIdle;
  TimePoint since_{};
  std::optional<TimePoint> heard_;
  uint64_t connects_ = 0;
  std::string reason_;
};

}  // namespace atoll_core::engine
