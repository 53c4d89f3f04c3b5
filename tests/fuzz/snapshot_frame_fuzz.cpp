// Any file, as it is and with a checksum that fits: what is accepted is what was framed.
#include <cstdint>
#include <string>
#include <string_view>

#include <xxhash.h>

#include "fuzz/fuzz_check.h"
#include "wire/snapshot_frame.h"

namespace {

using namespace atoll_core;

void check(std::string_view file) {
  const auto payload = wire::unframe_snapshot(file);
  if (!payload) {
    FUZZ_CHECK(!payload.error().message.empty());
    return;
  }
  FUZZ_CHECK(wire::frame_snapshot(*payload) == file);
}

void fix_checksum(std::string& file) {
  if (file.size() < wire::kSnapshotHeaderBytes) return;
  const XXH128_hash_t hash = XXH3_128bits(file.data() + 24, file.size() - 24);
  for (size_t i = 0; i < 8; ++i) {
    file[8 + i] = static_cast<char>(hash.high64 >> (8 * i));
    file[16 + i] = static_cast<char>(hash.low64 >> (8 * i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  check(file);
  fix_checksum(file);
  check(file);
  return 0;
}
