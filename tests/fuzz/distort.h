// Makes lies of honest messages: changes an encoded control message field by field, so that it
// stays one. It knows the form of protobuf and no message: a field is its n-th place, counted
// through all parts. So every field of every message can be any of the values that matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/choices.h"

namespace atoll_core::fuzz {

struct Distortion {
  uint8_t how = 0;
  uint16_t place = 0;  // of the field, modulo how many there are
  uint8_t value = 0;
};

// One to three.
std::vector<Distortion> some_distortions(Choices& choices);

// Numbers that messages have carried: ids, sessions, epochs. Bounded, the oldest go first.
class KnownNumbers {
 public:
  void learn(std::string_view message);
  uint64_t pick(size_t place) const;

 private:
  static constexpr size_t kKept = 256;
  std::vector<uint64_t> numbers_;
  size_t next_ = 0;
};

std::string distort(std::string_view message, const std::vector<Distortion>& distortions,
                    const KnownNumbers& known);

}  // namespace atoll_core::fuzz
