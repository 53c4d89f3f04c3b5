// Takes the bytes of a fuzz input as a series of choices. When they are used up, each choice is the
// first one: so a shorter input is one in which less happens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace atoll_core::fuzz {

class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : rest_(data, size) {}

  bool over() const { return rest_.empty(); }

  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  size_t below(size_t end) { return byte() % end; }
  bool coin() { return (byte() & 1) != 0; }
  bool rarely() { return byte() >= 0xE0; }

  // Mostly a small one; else one of those with which sums wrap and tables grow.
  uint64_t number() {
    constexpr std::array<uint64_t, 12> kEdges = {
        ~uint64_t{0},       ~uint64_t{0} - 1,        uint64_t{1} << 63, (uint64_t{1} << 63) - 1,
        uint64_t{1} << 48,  (uint64_t{1} << 48) + 1, 0xFFFFFFFFu,       uint64_t{1} << 32,
        0x7FFFFFFFu,        uint64_t{1} << 30,       65536,             1000};
    const uint8_t choice = byte();
    return choice < 0xC0 ? choice % 8 : kEdges[choice % kEdges.size()];
  }

  template <class Last>
  Last any_up_to(Last last) {
    return static_cast<Last>(below(static_cast<size_t>(last) + 1));
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace atoll_core::fuzz
