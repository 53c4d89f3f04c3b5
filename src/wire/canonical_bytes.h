// The form over which digests of typed values are taken: fields one after the other in the order of
// their declaration, without padding. Numbers are little-endian with their declared width, enums
// and bools one byte, text and lists begin with their length as 4 bytes. Unlike protobuf's encoding
// it is the same whatever library version wrote it.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "wire/little_endian.h"

namespace atoll_core::wire {

class CanonicalBytes {
 public:
  template <std::unsigned_integral T>
  CanonicalBytes& number(T value) {
    std::array<std::byte, sizeof(T)> bytes;
    store_little_endian(value, bytes.data());
    bytes_.append(as_text(bytes));
    return *this;
  }
  CanonicalBytes& text(std::string_view value) {
    length(value.size());
    bytes_.append(value);
    return *this;
  }
  CanonicalBytes& length(size_t value) { return number(static_cast<uint32_t>(value)); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace atoll_core::wire
