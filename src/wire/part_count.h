// Bounds what a control message becomes in memory before any of it is taken. An empty part is two
// bytes on the wire, but more than a hundred when parsed: the size of a message alone bounds
// little.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"
#include "base/limits.h"

namespace atoll_core::wire {

// Walks serialized bytes by the rule of control.proto that fields from 16 on are messages; refuses
// more than limits::kPartsPerMessage of them, deeper nesting than limits::kPartDepth, and what is
// no message.
Result<void> check_part_count(std::string_view bytes);

}  // namespace atoll_core::wire
