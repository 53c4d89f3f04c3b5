// Keeps a log readable when something goes wrong again and again: of each kind of line some pass at
// once and then one a second, and how many were left out is said. Lines are of one kind when they
// differ in numbers only: in addresses, ports, ids, times.
//
// Without I/O: the time comes with each question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace atoll_core::process {

class RepeatLimiter {
 public:
  static constexpr uint32_t kAtOnce = 100;
  static constexpr Duration kPause = std::chrono::seconds(1);  // until one more may pass
  static constexpr size_t kKinds = 64;  // that are told apart; the one not seen for longest goes
  static constexpr Duration kSettled = std::chrono::seconds(10);

  bool passes(TimePoint now, std::string_view text);

  // Sentences on what was left out: of kinds of which a line has passed since, or of which nothing
  // has been left out for kSettled. Each line is told of once.
  std::vector<std::string> take_reports(TimePoint now);
  // On all that has not been told of.
  std::vector<std::string> take_last_reports();

 private:
  struct Kind {
    uint64_t key = 0;
    TimePoint seen{};
    TimePoint filled{};  // when `allowed` was counted up last
    uint32_t allowed = kAtOnce;
    uint64_t left_out = 0;
    bool over = false;  // a line has passed since
    std::string example;  // of those that were left out
  };

  Kind& kind_of(TimePoint now, std::string_view text);
  static std::string report(const Kind& kind);

  std::vector<Kind> kinds_;
  std::vector<std::string> reports_;  // of kinds that had to go
};

}  // namespace atoll_core::process
