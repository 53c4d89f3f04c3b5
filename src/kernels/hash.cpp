#include "kernels/hash.h"

#include <new>

#include <fmt/format.h>
#include <xxhash.h>
#if defined(ATOLL_XXHASH_DISPATCH)
// Replaces the one-shot and update functions by those that pick AVX2 or AVX-512 at run time.
#include <xxh_x86dispatch.h>
#endif

#include "base/vector_registers.h"

namespace atoll_core::kernels {
namespace {

Digest to_digest(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

}  // namespace

std::string to_string(const Digest& digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

Digest hash128(ByteSpan bytes) {
  const Digest digest = to_digest(XXH3_128bits(bytes.data(), bytes.size()));
  leave_vector_registers_clean();
  return digest;
}

uint64_t hash64(ByteSpan bytes) {
  const uint64_t digest = XXH3_64bits(bytes.data(), bytes.size());
  leave_vector_registers_clean();
  return digest;
}

Hasher128::Hasher128() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  reset();
}

Hasher128::~Hasher128() = default;
Hasher128::Hasher128(Hasher128&&) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&&) noexcept = default;

void Hasher128::update(ByteSpan bytes) {
  if (bytes.empty()) return;
  XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  leave_vector_registers_clean();
}

Digest Hasher128::finish() const { return to_digest(XXH3_128bits_digest(state_.get())); }

void Hasher128::reset() { XXH3_128bits_reset(state_.get()); }

void Hasher128::FreeState::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

}  // namespace atoll_core::kernels
