// What a worker contributes to a call follows from its peer id, from a number that all members of
// the call share, and from the call's place in the round; so everybody can compute what any set of
// contributors must have summed up to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace atoll_cli {

// A bijection that spreads every input bit over the whole word (the finalizer of SplitMix64).
inline uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

struct CallKey {
  uint64_t salt = 0;   // the same on all members of the call
  uint64_t place = 0;  // of the call in its round
};

inline uint64_t base_of(uint64_t peer, const CallKey& key) {
  return mix(mix(mix(peer) ^ key.salt) ^ key.place);
}

// Floats are integers below 1024, so that the sum of thousands is exact in any order; integers use
// their whole range and wrap.
template <class T>
T element_of(uint64_t base, uint64_t index) {
  const uint64_t bits = base + index * 0x9E3779B97F4A7C15u;
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(bits >> 54);
  } else {
    return static_cast<T>(bits >> (64 - 8 * sizeof(T)));
  }
}

template <class T>
void fill(std::span<T> values, uint64_t peer, const CallKey& key, uint64_t first = 0) {
  const uint64_t base = base_of(peer, key);
  for (size_t i = 0; i < values.size(); ++i) values[i] = element_of<T>(base, first + i);
}

// Integers wrap around, as they do in the library.
template <class T>
T sum_of(T one, T other) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(one) + static_cast<uint64_t>(other));
  } else {
    return one + other;
  }
}

// Where `values`, the elements from `first` on, are not the sum of what `peers` have contributed;
// nothing when they are.
template <class T>
std::optional<size_t> first_wrong_sum(std::span<const T> values, std::span<const uint64_t> peers,
                                      const CallKey& key, uint64_t first = 0) {
  std::vector<uint64_t> bases;
  for (const uint64_t peer : peers) bases.push_back(base_of(peer, key));
  for (size_t i = 0; i < values.size(); ++i) {
    T sum = 0;
    for (const uint64_t base : bases) sum = sum_of(sum, element_of<T>(base, first + i));
    if (values[i] != sum) return i;
  }
  return std::nullopt;
}

// Depends on every bit and its place.
template <class T>
uint64_t hash_of(std::span<const T> values, uint64_t seed) {
  uint64_t hash = mix(seed ^ values.size());
  for (const T value : values) {
    uint64_t bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    hash = (hash ^ bits) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
  }
  return hash;
}

}  // namespace atoll_cli
