// Socket addresses as libuv gives and takes them, and as values.
#pragma once

#include <vector>

#include <uv.h>

#include "base/endpoint.h"
#include "base/error.h"
#include "base/time.h"
#include "names/name_lookups.h"

namespace atoll_core::coordinator {

// "address already in use (EADDRINUSE)"
std::string describe_uv_error(int status);

Endpoint endpoint_of(const sockaddr_storage& address);
Endpoint remote_endpoint(const uv_tcp_t& socket);  // empty host when it has none

// True when only this computer can reach a listener there.
bool is_loopback(const sockaddr_storage& address);

// All addresses that the host has, in the resolver's order. Blocks for at most `patience` while a
// name is looked up.
Result<std::vector<sockaddr_storage>> resolve(
    const Endpoint& endpoint, Duration patience,
    names::NameLookups& names = names::NameLookups::of_system());

}  // namespace atoll_core::coordinator
