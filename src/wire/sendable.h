// The last look at a message before it goes. What callers give is checked where they give it (see
// base/field_rules.h), so nothing should be stopped here. If something is, the one who would have
// sent it learns so, and not its peers by its being thrown out.
#pragma once

#include <string>

#include "base/error.h"
#include "wire/control.h"

namespace atoll_core::wire {

// Encoded and framed (control_framing.h). kInternalError with the field's name for what the
// coordinator would refuse; a peer reads its own message as the coordinator will, but for OpDone.
Result<std::string> frame(const ToCoordinator& message);

// Encoded. A coordinator looks at the size of what it sends only: it sends much, and what it sends
// is made of what it has decoded.
Result<std::string> encode_sendable(const ToPeer& message);

}  // namespace atoll_core::wire
