// What a fuzz target finds wrong, other than a crash. libFuzzer reports an exception that leaves
// the target; replay_main catches it and prints the input.
#pragma once

#include <stdexcept>

namespace atoll_core::fuzz {

class Finding : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace atoll_core::fuzz

#define FUZZ_CHECK(condition)                                                          \
  do {                                                                                 \
    if (!(condition)) throw ::atoll_core::fuzz::Finding("does not hold: " #condition); \
  } while (false)
