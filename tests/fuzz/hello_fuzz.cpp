// Any 112 bytes, as they are and with a checksum that fits: what is accepted keeps the bounds and
// says the same when it has been encoded again.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include <xxhash.h>

#include "base/limits.h"
#include "fuzz/fuzz_check.h"
#include "wire/hello.h"

namespace {

using namespace atoll_core;

void check(const wire::HelloBytes& bytes) {
  const auto hello = wire::decode_hello(bytes);
  if (!hello) {
    FUZZ_CHECK(!hello.error().message.empty());
    return;
  }
  FUZZ_CHECK(hello->version_min <= wire::kProtocolVersion);
  FUZZ_CHECK(hello->version_max >= wire::kProtocolVersion);
  FUZZ_CHECK(hello->role == wire::HelloRole::kLink || hello->role == wire::HelloRole::kProbe);
  FUZZ_CHECK(hello->connection_index < limits::kConnectionsPerLink);
  FUZZ_CHECK(hello->connection_count >= 1);
  FUZZ_CHECK(hello->connection_count <= limits::kConnectionsPerLink);
  wire::HelloBytes encoded;
  wire::encode_hello(*hello, encoded);
  const auto again = wire::decode_hello(encoded);
  FUZZ_CHECK(again.has_value() && *again == *hello);
}

void fix_checksum(wire::HelloBytes& bytes) {
  const uint64_t checksum = XXH3_64bits(bytes.data(), bytes.size() - 8);
  for (size_t i = 0; i < 8; ++i) {
    bytes[bytes.size() - 8 + i] = static_cast<std::byte>(checksum >> (8 * i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::HelloBytes bytes{};
  if (size > 0) std::memcpy(bytes.data(), data, std::min(size, bytes.size()));
  check(bytes);
  fix_checksum(bytes);
  check(bytes);
  return 0;
}
