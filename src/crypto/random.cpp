#include "crypto/random.h"

#include <algorithm>
#include <climits>
#include <span>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/rand.h>

namespace atoll_core::crypto {

void random_bytes(MutableByteSpan out) {
  while (!out.empty()) {
    const size_t count = std::min<size_t>(out.size(), INT_MAX);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
      char text[256] = {};
      ERR_error_string_n(ERR_get_error(), text, sizeof(text));
      throw RandomFailure(fmt::format("OpenSSL gave no random bytes: {}", text));
    }
    out = out.subspan(count);
  }
}

uint64_t random_u64() {
  uint64_t value = 0;
  random_bytes(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

}  // namespace atoll_core::crypto
