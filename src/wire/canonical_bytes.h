// The form over which digests of typed values are taken: fields one after the other in the order of
// their declaration, without padding. Numbers are little-endian with their declared width, enums
// and bools one byte, text and lists begin with their length as 4 bytes. Unlike protobuf's encoding
// it is the same whatever library version wrote it.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "base/bytes.h"
#include "wire/little_endian.h"

namespace atoll_core::wire {

class CanonicalBytes {
 public:
  template <std::unsigned_integral T>
  CanonicalBytes& number(T value) {
    std::array<std::byte, sizeof(T)> bytes;
    store_little_endian(value, bytes.data());
    const std::string_view chars = as_text(bytes);
    bytes_.append(chars.data(), chars.data() + chars.size());
    return *this;
  }
  CanonicalBytes& text(std::string_view value) {
    length(value.size());
    bytes_.append(value.data(), value.data() + value.size());
    return *this;
  }
  CanonicalBytes& length(size_t value) { return number(static_cast<uint32_t>(value)); }

  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  fmt::memory_buffer bytes_;  // of a call it all fits without a heap
};

}  // namespace atoll_core::wire
