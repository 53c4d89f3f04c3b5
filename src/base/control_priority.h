// Control messages go before data where this machine sends them, on both ends of a connection.
#pragma once

#include <sys/socket.h>

namespace atoll_core {

// TC_PRIO_INTERACTIVE: the first band of the kernel's default queue. A heartbeat then does not wait
// behind the chunks of the same machine; behind those that are in a router already it does.
inline constexpr int kControlPriority = 6;

// It only makes things better: a socket that refuses it still works.
inline void put_before_data(int socket) {
  ::setsockopt(socket, SOL_SOCKET, SO_PRIORITY, &kControlPriority, sizeof(kControlPriority));
}

}  // namespace atoll_core
