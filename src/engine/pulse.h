// What is sent to the coordinator while whoever runs the engine is held up (output::Pulse).
#pragma once

#include <utility>
#include <variant>

#include "engine/context.h"
#include "wire/control.h"
#include "wire/sendable.h"

namespace atoll_core::engine {

// Of the messages to the coordinator it is the last heartbeat.
inline void set_pulse(Context& context, const wire::ToCoordinator& message, Duration interval) {
  if (!std::holds_alternative<wire::PeerHeartbeat>(message)) return;
  Result<std::string> framed = wire::frame(message);
  if (framed) context.emit(output::Pulse{std::move(*framed), interval});
}

}  // namespace atoll_core::engine
