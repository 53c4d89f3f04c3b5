#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace atoll_core::wire {

// XXH3-64 over the concatenation of `parts`; what FrameHeader::payload_checksum carries. Never 0
// for a payload that is checked: 0 means that the sender computed none.
uint64_t payload_checksum_of(std::span<const ByteSpan> parts);

}  // namespace atoll_core::wire
