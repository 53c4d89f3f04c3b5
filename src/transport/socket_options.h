// What is set on every TCP socket of the data plane, and how its address is written in sentences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "base/endpoint.h"
#include "transport/asio_headers.h"

namespace atoll_core::transport {

struct BufferSizes {
  size_t send = 0;  // bytes; 0: the kernel's default, which adapts itself
  size_t receive = 0;
};

// Before connect or listen, because the window scale is agreed in the handshake. A refused option
// is no error here or below: the connection works without it, only less well.
void set_buffer_sizes(int socket, const BufferSizes& sizes);

// No Nagle delay, and a path that swallows everything is noticed after kTcpSilenceSeconds, with
// bytes in flight and without. A receiver that leaves its window shut for as long counts as such a
// path, so reading must not be paused for longer while the other side has more to send.
// Once connected, its send buffer fits the way: small within one computer, and over a long way next
// to nothing that is not sent yet, so that of several connections the fast ones take the work.
void tune_connection(int socket);

// Whether tune_connection sees a long way.
bool is_long_way(int socket);

// What it sends at most in a second; nothing: no limit.
void limit_rate(int socket, std::optional<uint64_t> bytes_per_second);

// Closing it sends RST and forgets what was not sent.
void cut_on_close(int socket);

// Whether `error` came from the system with this errno. Asio's categories do not compare with
// std::errc.
bool is_system_error(const std::error_code& error, int number);

// The system's words, and who lacks what where descriptors have run out.
std::string words_of(const std::error_code& error);

// "10.0.0.7:4711"; an IPv4 address that a dual-stack socket shows as IPv6 is written as IPv4.
std::string text_of(const tcp::endpoint& endpoint);
Endpoint address_of(const tcp::endpoint& endpoint);  // the same as host and port

}  // namespace atoll_core::transport
