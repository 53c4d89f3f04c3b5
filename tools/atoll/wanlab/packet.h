// What a TUN device with a virtio header hands over: an IP packet, or one TCP super-packet that
// stands for many packets of the MTU (the kernel cuts them as late as it can; here they are never
// cut unless one of them is lost). Pure functions on bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace atoll_cli {

inline constexpr size_t kFrameBytesMax = 10 + 65535 + 40;  // virtio header, the longest packet

// The packets that a frame stands for. All are equally long but the last.
struct Burst {
  uint32_t packets = 1;
  uint32_t packet_bytes = 0;  // from the IP header to the end
  uint32_t last_bytes = 0;

  uint64_t bytes() const { return bytes_of_first(packets); }
  uint64_t bytes_of_first(uint32_t count) const {
    if (count == 0) return 0;
    if (count < packets) return uint64_t{count} * packet_bytes;
    return uint64_t{packets - 1} * packet_bytes + last_bytes;
  }
  uint32_t bytes_of(uint32_t packet) const {
    return packet + 1 == packets ? last_bytes : packet_bytes;
  }
  // Packets `begin` to before `end`.
  Burst slice(uint32_t begin, uint32_t end) const {
    return {end - begin, packet_bytes, end == packets ? last_bytes : packet_bytes};
  }
};

// Owned bytes: virtio header and packet.
struct Frame {
  Frame() = default;
  explicit Frame(size_t count) : data(new uint8_t[count]), size(count) {}
  explicit Frame(std::span<const uint8_t> bytes) : Frame(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data.get());
  }

  std::span<const uint8_t> bytes() const { return {data.get(), size}; }
  std::span<uint8_t> bytes() { return {data.get(), size}; }

  std::unique_ptr<uint8_t[]> data;
  size_t size = 0;
};

struct ParsedFrame {
  unsigned destination = 0;  // the node
  Burst burst;
};

// Nothing when it is for no node of the network (multicast, an unknown address) or not IP.
std::optional<ParsedFrame> parse_frame(std::span<const uint8_t> frame);

// The frame that stands for packets `begin` to before `end` of a parsed frame: addresses, sequence
// numbers, flags, lengths and checksums as if the kernel had cut it.
Frame cut_frame(std::span<const uint8_t> frame, uint32_t begin, uint32_t end);

// A TCP packet or super-packet with payload, whose checksum is left to the receiver.
struct TcpFrame {
  std::span<const uint8_t> frame;
  size_t tcp_at = 0;      // of the TCP header in the frame
  size_t payload_at = 0;  // likewise
  uint32_t segment = 0;   // payload of each packet but the last

  size_t payload() const { return frame.size() - payload_at; }
  // Addresses and ports: of one direction of one connection.
  std::span<const uint8_t> connection() const;
};

// Nothing when it is something else.
std::optional<TcpFrame> parse_tcp(std::span<const uint8_t> frame);

// Whether one super-packet can stand for frames `first` to `last`, which it stands for already, and
// `next`: it goes on at the next byte, and only its time stamps and what it acknowledges differ.
bool can_join(const TcpFrame& first, const TcpFrame& last, const TcpFrame& next);

// All before the payload of the super-packet that stands for `first` to `last`: `payload` bytes.
Frame joined_headers(const TcpFrame& first, const TcpFrame& last, size_t payload);

// The addresses of a node: "10.44.0.1" and "fd44::1"; the coordinator's end with 254 and fe.
std::string ipv4_of(unsigned node);
std::string ipv6_of(unsigned node);

}  // namespace atoll_cli
