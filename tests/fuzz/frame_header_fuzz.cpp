// Any 128 bytes, as they are and with a checksum that fits: what is accepted is encoded to the same
// bytes again.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <xxhash.h>

#include "base/limits.h"
#include "fuzz/fuzz_check.h"
#include "wire/frame.h"

namespace {

using namespace atoll_core;

void check(const wire::FrameHeaderBytes& bytes) {
  const auto header = wire::decode_frame_header(bytes);
  if (!header) {
    FUZZ_CHECK(!header.error().message.empty());
    return;
  }
  FUZZ_CHECK(header->payload_bytes <= limits::kChunkBytes);
  FUZZ_CHECK(!wire::to_string(header->kind).starts_with("unknown"));
  wire::FrameHeaderBytes again;
  wire::encode_frame_header(*header, again);
  FUZZ_CHECK(again == bytes);
}

void fix_checksum(wire::FrameHeaderBytes& bytes) {
  std::vector<std::byte> covered(bytes.begin(), bytes.end());
  covered.erase(covered.begin() + 12, covered.begin() + 16);
  const uint64_t checksum = XXH3_64bits(covered.data(), covered.size());
  for (size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::byte>(checksum >> (8 * i));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::FrameHeaderBytes bytes{};
  if (size > 0) std::memcpy(bytes.data(), data, std::min(size, bytes.size()));
  check(bytes);
  fix_checksum(bytes);
  check(bytes);
  return 0;
}
