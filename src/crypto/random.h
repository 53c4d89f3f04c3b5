// Random bits from OpenSSL's generator: session ids, nonces, jitter seeds.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "base/bytes.h"

namespace atoll_core::crypto {

// The generator has no entropy to give. There is no sensible way on for a caller; it is thrown,
// not returned, and becomes kSystemError where a communicator or a coordinator is created.
class RandomFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

uint64_t random_u64();
void random_bytes(MutableByteSpan out);

}  // namespace atoll_core::crypto
