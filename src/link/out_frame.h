#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "wire/frame.h"

namespace atoll_core::link {

// A frame to be sent. The payload is a list of places, read when a connection takes the frame:
// either memory of the caller, valid until the frame's attempt is revoked, or `owned`.
struct OutFrame {
  wire::FrameHeader header;  // link_sequence, acknowledged and checksum are filled in by the link
  std::vector<ByteSpan> payload;
  std::shared_ptr<const ByteBuffer> owned;
};

}  // namespace atoll_core::link
