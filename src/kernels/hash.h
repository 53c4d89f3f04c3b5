// XXH3: the fast, non-cryptographic hashes of chunks and of shared state. The same bytes give the
// same digest on every CPU; none of them resists somebody who wants a collision.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

struct XXH3_state_s;

namespace atoll_core::kernels {

// 128 bits. Digest{} is the digest of nothing in particular.
struct Digest {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Digest&) const = default;
};

std::string to_string(const Digest& digest);  // 32 hex digits, high part first

Digest hash128(ByteSpan bytes);
uint64_t hash64(ByteSpan bytes);

// hash128 of bytes that come piece by piece: the digest depends on the bytes, not on the pieces.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;

  void update(ByteSpan bytes);
  // The digest of all bytes since construction or reset; more may follow.
  Digest finish() const;
  void reset();

 private:
  struct FreeState {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, FreeState> state_;  // null only after a move
};

}  // namespace atoll_core::kernels
