#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "wire/frame.h"

namespace atoll_core::link {

// A frame to be sent. The payload is a list of places, read when a connection takes the frame:
// either memory of the caller, valid until the frame's attempt is revoked, or `owned`.
struct OutFrame {
  // link_sequence and acknowledged are filled in by the link, and so is a checksum of 0.
  wire::FrameHeader header;
  std::vector<ByteSpan> payload;
  std::shared_ptr<const ByteBuffer> owned;
};

// Whether the frame is dropped when `attempt` is revoked. A result that somebody asked for is not:
// it is sent after its attempt, owns what it carries, and whoever asked waits for it.
inline bool goes_with(const wire::FrameHeader& header, const AttemptId& attempt) {
  return header.attempt == attempt && !wire::is_about_result(header.kind);
}

}  // namespace atoll_core::link
