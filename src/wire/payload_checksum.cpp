#include "wire/payload_checksum.h"

#include <memory>
#include <new>

#include <xxhash.h>
#if defined(ATOLL_XXHASH_DISPATCH)
// Replaces the one-shot and update functions by those that pick AVX2 or AVX-512 at run time.
#include <xxh_x86dispatch.h>
#endif

#include "base/vector_registers.h"

namespace atoll_core::wire {
namespace {

uint64_t never_zero(uint64_t hash) { return hash == 0 ? 1 : hash; }

}  // namespace

uint64_t payload_checksum_of(std::span<const ByteSpan> parts) {
  if (parts.size() == 1) {
    const uint64_t hash = XXH3_64bits(parts[0].data(), parts[0].size());
    leave_vector_registers_clean();
    return never_zero(hash);
  }
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
  if (state == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state.get());
  for (const ByteSpan part : parts) XXH3_64bits_update(state.get(), part.data(), part.size());
  const uint64_t hash = XXH3_64bits_digest(state.get());
  leave_vector_registers_clean();
  return never_zero(hash);
}

}  // namespace atoll_core::wire
