#include "wire/frame.h"

#include <algorithm>

#include <xxhash.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/little_endian.h"
#include "wire/payload_checksum.h"
#include "wire/protocol_version.h"

namespace atoll_core::wire {
namespace {

constexpr std::string_view kMagic = "ATL1";
constexpr uint16_t kWeighted = 1;
constexpr uint16_t kEager = 2;
constexpr size_t kChecksumOffset = 12;
constexpr size_t kChecksumEnd = 16;

uint32_t header_checksum(const FrameHeaderBytes& bytes) {
  std::array<std::byte, kFrameHeaderBytes - (kChecksumEnd - kChecksumOffset)> covered;
  const auto rest = std::copy_n(bytes.begin(), kChecksumOffset, covered.begin());
  std::copy(bytes.begin() + kChecksumEnd, bytes.end(), rest);
  return static_cast<uint32_t>(XXH3_64bits(covered.data(), covered.size()));
}

uint64_t pack(const Incarnation& incarnation) {
  return uint64_t{incarnation.counter} << 32 | incarnation.nonce;
}

Epoch load_epoch(const std::byte* at) {
  const auto incarnation = load_little_endian<uint64_t>(at);
  return {{static_cast<uint32_t>(incarnation >> 32), static_cast<uint32_t>(incarnation)},
          load_little_endian<uint64_t>(at + 8)};
}

void store_epoch(const Epoch& epoch, std::byte* at) {
  store_little_endian(pack(epoch.incarnation), at);
  store_little_endian(epoch.number, at + 8);
}

Result<void> check_preamble(const FrameHeaderBytes& bytes) {
  if (as_text(bytes).substr(0, kMagic.size()) != kMagic) {
    return fail(ErrorCode::kInvalidArgument, "a data frame begins with {}, not with \"{}\"",
                quote_bytes(bytes, kMagic.size()), kMagic);
  }
  const auto version = load_little_endian<uint8_t>(&bytes[4]);
  if (version != kProtocolVersion) {
    return fail(ErrorCode::kVersionMismatch, "a data frame has version {}, this side speaks {}",
                version, kProtocolVersion);
  }
  const auto checksum = load_little_endian<uint32_t>(&bytes[kChecksumOffset]);
  if (checksum != header_checksum(bytes)) {
    return fail(ErrorCode::kInvalidArgument,
                "the header of a data frame was damaged on its way: checksum {:08x} arrived, "
                "{:08x} expected",
                checksum, header_checksum(bytes));
  }
  return {};
}

uint16_t flags_of(const FrameHeader& header) {
  const uint16_t weighted = header.weighted ? kWeighted : 0;
  return static_cast<uint16_t>(weighted | (header.eager ? kEager : 0));
}

uint16_t known_flags(FrameKind kind) {
  switch (kind) {
    case FrameKind::kData: return kWeighted | kEager;
    case FrameKind::kResultData: return kWeighted;
    case FrameKind::kSkip: return kEager;
    default: return 0;
  }
}

}  // namespace

std::string_view to_string(FrameKind kind) {
  switch (kind) {
    case FrameKind::kData: return "data";
    case FrameKind::kAck: return "ack";
    case FrameKind::kCredit: return "credit";
    case FrameKind::kSkip: return "skip";
    case FrameKind::kStateRequest: return "state-request";
    case FrameKind::kStateData: return "state-data";
    case FrameKind::kStateRefused: return "state-refused";
    case FrameKind::kResultRequest: return "result-request";
    case FrameKind::kResultData: return "result-data";
    case FrameKind::kResultRefused: return "result-refused";
    case FrameKind::kHeartbeat: return "heartbeat";
  }
  return "unknown frame kind";
}

void encode_frame_header(const FrameHeader& header, FrameHeaderBytes& out) {
  std::byte* at = out.data();
  std::copy_n(as_bytes(kMagic).begin(), kMagic.size(), at);
  store_little_endian(kProtocolVersion, at + 4);
  store_little_endian(static_cast<uint8_t>(header.kind), at + 5);
  store_little_endian(flags_of(header), at + 6);
  store_little_endian(header.payload_bytes, at + 8);
  store_little_endian(header.link_sequence, at + 16);
  store_little_endian(header.acknowledged, at + 24);
  store_epoch(header.attempt.op.generation.first, at + 32);
  store_epoch(header.attempt.epoch, at + 48);
  store_little_endian(header.attempt.op.tag, at + 64);
  store_little_endian(header.attempt.op.sequence, at + 72);
  store_little_endian(header.attempt.op.group, at + 80);
  store_little_endian(header.segment, at + 84);
  store_little_endian(header.step, at + 88);
  store_little_endian(header.element_count, at + 92);
  store_little_endian(header.element_offset, at + 96);
  store_little_endian(header.detail, at + 104);
  store_little_endian(header.fingerprint, at + 112);
  store_little_endian(header.payload_checksum, at + 120);
  store_little_endian(header_checksum(out), at + kChecksumOffset);
}

Result<FrameHeader> decode_frame_header(const FrameHeaderBytes& bytes) {
  if (auto checked = check_preamble(bytes); !checked) return tl::make_unexpected(checked.error());
  const std::byte* at = bytes.data();
  FrameHeader header;
  const auto kind = load_little_endian<uint8_t>(at + 5);
  if (kind < static_cast<uint8_t>(FrameKind::kData) ||
      kind > static_cast<uint8_t>(FrameKind::kHeartbeat)) {
    return fail(ErrorCode::kInvalidArgument, "a data frame has the unknown kind {}", kind);
  }
  header.kind = static_cast<FrameKind>(kind);
  const auto flags = load_little_endian<uint16_t>(at + 6);
  if ((flags & ~known_flags(header.kind)) != 0) {
    return fail(ErrorCode::kInvalidArgument, "a data frame has the unknown flags {:#x}", flags);
  }
  header.weighted = (flags & kWeighted) != 0;
  header.eager = (flags & kEager) != 0;
  header.payload_bytes = load_little_endian<uint32_t>(at + 8);
  if (header.payload_bytes > limits::kChunkBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "a {} frame announces {} bytes of payload, at most {} are allowed",
                to_string(header.kind), header.payload_bytes, limits::kChunkBytes);
  }
  header.link_sequence = load_little_endian<uint64_t>(at + 16);
  header.acknowledged = load_little_endian<uint64_t>(at + 24);
  header.attempt.op.generation.first = load_epoch(at + 32);
  header.attempt.epoch = load_epoch(at + 48);
  header.attempt.op.tag = load_little_endian<uint64_t>(at + 64);
  header.attempt.op.sequence = load_little_endian<uint64_t>(at + 72);
  header.attempt.op.group = load_little_endian<uint32_t>(at + 80);
  header.segment = load_little_endian<uint32_t>(at + 84);
  header.step = load_little_endian<uint32_t>(at + 88);
  header.element_count = load_little_endian<uint32_t>(at + 92);
  header.element_offset = load_little_endian<uint64_t>(at + 96);
  header.detail = load_little_endian<uint64_t>(at + 104);
  header.fingerprint = load_little_endian<uint64_t>(at + 112);
  header.payload_checksum = load_little_endian<uint64_t>(at + 120);
  return header;
}

uint64_t payload_checksum(ByteSpan payload) { return payload_checksum_of({&payload, 1}); }

}  // namespace atoll_core::wire
