#include "wire/snapshot_frame.h"

#include <cstdint>

#include <xxhash.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/vector_registers.h"
#include "wire/little_endian.h"

namespace atoll_core::wire {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kSnapshotChecksumOffset = 8;
constexpr size_t kVersionOffset = 24;
constexpr size_t kLengthOffset = 28;

XXH128_hash_t checksum_of(ByteSpan file) {
  const ByteSpan covered = file.subspan(kVersionOffset);
  const XXH128_hash_t hash = XXH3_128bits(covered.data(), covered.size());
  leave_vector_registers_clean();
  return hash;
}

}  // namespace

std::string frame_snapshot(std::string_view payload) {
  ATOLL_ASSERT(payload.size() <= limits::kSnapshotBytes, "bytes={}", payload.size());
  std::string file(kSnapshotHeaderBytes, '\0');
  file.replace(0, kSnapshotMagic.size(), kSnapshotMagic);
  file.append(payload);
  auto* const at = reinterpret_cast<std::byte*>(file.data());
  store_little_endian(kVersion, at + kVersionOffset);
  store_little_endian(static_cast<uint64_t>(payload.size()), at + kLengthOffset);
  const XXH128_hash_t hash = checksum_of(as_bytes(file));
  store_little_endian(uint64_t{hash.high64}, at + kSnapshotChecksumOffset);
  store_little_endian(uint64_t{hash.low64}, at + kSnapshotChecksumOffset + 8);
  return file;
}

Result<std::string> unframe_snapshot(std::string_view file) {
  if (file.substr(0, kSnapshotMagic.size()) != kSnapshotMagic) {
    return fail(ErrorCode::kInvalidArgument, "does not begin with \"{}\"", kSnapshotMagic);
  }
  if (file.size() < kSnapshotHeaderBytes) {
    return fail(ErrorCode::kInvalidArgument, "is cut off: {} of at least {} bytes", file.size(),
                kSnapshotHeaderBytes);
  }
  const std::byte* at = as_bytes(file).data();
  const size_t there = file.size() - kSnapshotHeaderBytes;
  const auto length = load_little_endian<uint64_t>(at + kLengthOffset);
  if (length != there || length > limits::kSnapshotBytes) {
    return fail(ErrorCode::kInvalidArgument, "names {} bytes of payload and has {}", length, there);
  }
  const XXH128_hash_t hash = checksum_of(as_bytes(file));
  if (load_little_endian<uint64_t>(at + kSnapshotChecksumOffset) != hash.high64 ||
      load_little_endian<uint64_t>(at + kSnapshotChecksumOffset + 8) != hash.low64) {
    return fail(ErrorCode::kInvalidArgument, "is damaged: its checksum is wrong");
  }
  const auto version = load_little_endian<uint32_t>(at + kVersionOffset);
  if (version != kVersion) {
    return fail(ErrorCode::kVersionMismatch, "has the form of version {}, this program knows {}",
                version, kVersion);
  }
  return std::string(file.substr(kSnapshotHeaderBytes));
}

}  // namespace atoll_core::wire
