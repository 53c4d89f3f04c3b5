// Numbers at fixed places of fixed-size records, little-endian whatever the CPU is.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace atoll_core::wire {

template <std::unsigned_integral T>
void store_little_endian(T value, std::byte* at) {
  for (size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

template <std::unsigned_integral T>
T load_little_endian(const std::byte* at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(at[i]) << (8 * i)));
  }
  return value;
}

}  // namespace atoll_core::wire
