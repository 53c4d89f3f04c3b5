// The sentence with which a message is refused that the other end has encoded; empty: it is taken.
#pragma once

#include <string>
#include <type_traits>

#include "wire/control.h"

namespace atoll_core::wire {

template <class Message>
std::string refusal_of(const Message& message) {
  if constexpr (std::is_constructible_v<ToCoordinator, Message>) {
    const auto decoded = decode_to_coordinator(encode(ToCoordinator(message)));
    return decoded ? "" : decoded.error().message;
  } else {
    const auto decoded = decode_to_peer(encode(ToPeer(message)));
    return decoded ? "" : decoded.error().message;
  }
}

}  // namespace atoll_core::wire
