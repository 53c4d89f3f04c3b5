// Frames with random payloads for the tests of this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <random>

#include "link/out_frame.h"

namespace atoll_core::link {

inline AttemptId attempt_number(uint64_t number) {
  AttemptId attempt;
  attempt.op.tag = 1;
  attempt.op.sequence = number;
  attempt.epoch.number = 1;
  return attempt;
}

// Never a zero byte.
inline ByteBuffer random_payload(std::mt19937_64& random, size_t bytes) {
  ByteBuffer payload(bytes);
  for (std::byte& byte : payload) byte = static_cast<std::byte>(1 + random() % 255);
  return payload;
}

// Refers to `payload`, which must outlive it; `number` tells it from others.
inline OutFrame frame_of(const AttemptId& attempt, uint64_t number, ByteSpan payload) {
  OutFrame frame;
  frame.header.kind = wire::FrameKind::kData;
  frame.header.attempt = attempt;
  frame.header.element_offset = number;
  frame.header.payload_bytes = static_cast<uint32_t>(payload.size());
  if (!payload.empty()) frame.payload.push_back(payload);
  return frame;
}

}  // namespace atoll_core::link
