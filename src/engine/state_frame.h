// Frames of a state transfer, in a sync or outside of any call.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "base/ids.h"
#include "engine/link_table.h"
#include "state/request.h"
#include "state/serve.h"
#include "wire/frame.h"

namespace atoll_core::engine {

// What such a frame belongs to.
struct StateTransfer {
  AttemptId attempt;
  uint64_t fingerprint = 0;
};

inline void send_state_frame(LinkTable& links, PeerId to, wire::FrameKind kind,
                             const StateTransfer& transfer, const state::StateRequest& name,
                             ByteSpan payload = {},
                             std::shared_ptr<const ByteBuffer> owned = nullptr) {
  link::OutFrame frame;
  frame.header.kind = kind;
  frame.header.attempt = transfer.attempt;
  frame.header.fingerprint = transfer.fingerprint;
  frame.header.payload_bytes = static_cast<uint32_t>(payload.size());
  state::put_request(name, frame.header);
  if (!payload.empty()) frame.payload.push_back(payload);
  frame.owned = std::move(owned);
  links.send_free(to, std::move(frame));
}

// Bytes of a chunk are not copied: they are read until the attempt is revoked.
inline void send_state_response(LinkTable& links, PeerId to, const StateTransfer& transfer,
                                state::StateResponse response) {
  std::shared_ptr<const ByteBuffer> owned;
  if (response.name.item == state::StateItem::kDigests) {
    owned = std::make_shared<const ByteBuffer>(std::move(response.digests));
  }
  const ByteSpan payload = owned != nullptr ? ByteSpan(*owned) : response.chunk;
  send_state_frame(links, to, wire::FrameKind::kStateData, transfer, response.name, payload,
                   std::move(owned));
}

}  // namespace atoll_core::engine
