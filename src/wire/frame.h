// The header in front of everything on a data connection: 128 bytes, little-endian.
//
//   offset size field
//        0    4 magic            "ATL1" as bytes
//        4    1 version          kProtocolVersion
//        5    1 kind             FrameKind
//        6    2 flags            1: weighted, 2: eager; all others 0
//        8    4 payload_bytes    at most limits::kChunkBytes
//       12    4 header_checksum  low 32 bits of XXH3-64 over the other 124 bytes
//       16    8 link_sequence    position in the sender's half of the link; 0 in kAck, kHeartbeat
//       24    8 acknowledged     the sender has received all link sequences below this
//       32    8 op generation incarnation (counter << 32 | nonce)
//       40    8 op generation number
//       48    8 attempt epoch incarnation
//       56    8 attempt epoch number
//       64    8 tag
//       72    8 op sequence
//       80    4 group
//       84    4 segment
//       88    4 step
//       92    4 element_count
//       96    8 element_offset
//      104    8 detail          meaning depends on the kind
//      112    8 fingerprint      of the call's arguments
//      120    8 payload_checksum XXH3-64 of the payload; 0 when checksums are off
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"

namespace atoll_core::wire {

inline constexpr size_t kFrameHeaderBytes = 128;

enum class FrameKind : uint8_t {
  kData = 1,          // a chunk of an attempt; detail: on all whose data is in it, the ops of
                      // this generation, group and tag with smaller sequences have ended, or, in a
                      // call that keeps segments, the elements below it are complete
  kAck = 2,           // only `acknowledged` counts; not sequenced
  kCredit = 3,        // the receiver of an attempt's chunks posted it; detail = bytes in total.
                      // Of no attempt: the eager credit of the link; detail = bytes in total,
                      // element_offset = how much of it there is to be at a time
  kSkip = 4,          // takes the place of a chunk whose attempt has ended. Eager: detail = what
                      // that chunk had cost, or credit that is given back
  kStateRequest = 5,  // op = the sync call; segment = tensor index, step = StateItem,
                      // element_offset = first chunk index, element_count = number of chunks,
                      // detail = revision
  kStateData = 6,     // the same fields for what is carried
  kStateRefused = 7,  // the holder cannot serve this request
  kResultRequest = 8, // send me the result of this committed attempt
  kResultData = 9,    // here it is, whole
  kResultRefused = 10,  // it is not kept here
  kHeartbeat = 11,    // this connection lives; detail = bytes received over it so far; not
                      // sequenced
};
std::string_view to_string(FrameKind kind);

inline bool is_about_result(FrameKind kind) {
  return kind == FrameKind::kResultRequest || kind == FrameKind::kResultData ||
         kind == FrameKind::kResultRefused;
}

struct FrameHeader {
  FrameKind kind = FrameKind::kData;
  bool weighted = false;  // kData, kResultData: weights follow the elements (engine/weight_list.h)
  bool eager = false;     // kData, kSkip: takes of the link's eager credit (link/eager_credit.h)
  uint32_t payload_bytes = 0;
  uint64_t link_sequence = 0;
  uint64_t acknowledged = 0;
  AttemptId attempt;
  uint32_t segment = 0;
  uint32_t step = 0;
  uint32_t element_count = 0;
  uint64_t element_offset = 0;
  uint64_t detail = 0;
  uint64_t fingerprint = 0;
  uint64_t payload_checksum = 0;
  bool operator==(const FrameHeader&) const = default;
};

using FrameHeaderBytes = std::array<std::byte, kFrameHeaderBytes>;

void encode_frame_header(const FrameHeader& header, FrameHeaderBytes& out);
// Refuses a wrong magic, version, kind, flags, checksum or an oversized payload.
Result<FrameHeader> decode_frame_header(const FrameHeaderBytes& bytes);

uint64_t payload_checksum(ByteSpan payload);  // never 0

}  // namespace atoll_core::wire
