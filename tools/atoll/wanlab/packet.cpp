#include "tools/atoll/wanlab/packet.h"

#include <cstdio>
#include <cstring>

#include "tools/atoll/wanlab/settings.h"
#include "tools/atoll/wanlab/virtio.h"

namespace atoll_cli {
namespace {

constexpr size_t kVirtioBytes = sizeof(VirtioHeader);
constexpr size_t kIpv4Bytes = 20;
constexpr size_t kIpv6Bytes = 40;
constexpr size_t kTcpBytes = 20;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kFin = 0x01, kPush = 0x08, kAcknowledges = 0x10, kWindowReduced = 0x80;
constexpr uint8_t kCoordinatorByte = 254;
constexpr uint8_t kIpv4Prefix[3] = {10, 44, 0};
constexpr uint8_t kIpv6Prefix[15] = {0xfd, 0x44};

uint16_t load16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
uint32_t load32(const uint8_t* at) { return uint32_t{load16(at)} << 16 | load16(at + 2); }
void store16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void store32(uint8_t* at, uint32_t value) {
  store16(at, value >> 16);
  store16(at + 2, value & 0xffff);
}

// The ones' complement sum of 16-bit words, folded; `count` is even.
uint32_t sum16(const uint8_t* at, size_t count, uint32_t sum = 0) {
  for (size_t i = 0; i < count; i += 2) sum += load16(at + i);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

bool is_ipv6(const uint8_t* packet) { return packet[0] >> 4 == 6; }

std::optional<unsigned> node_of(uint8_t last_byte) {
  if (last_byte == kCoordinatorByte) return kCoordinatorNode;
  if (last_byte == 0) return std::nullopt;
  return last_byte;
}

std::optional<unsigned> destination_of(std::span<const uint8_t> packet) {
  if (packet.size() >= kIpv6Bytes && is_ipv6(packet.data())) {
    const uint8_t* address = packet.data() + 24;
    if (std::memcmp(address, kIpv6Prefix, sizeof kIpv6Prefix) != 0) return std::nullopt;
    return node_of(address[15]);
  }
  if (packet.size() >= kIpv4Bytes && packet[0] >> 4 == 4) {
    const uint8_t* address = packet.data() + 16;
    if (std::memcmp(address, kIpv4Prefix, sizeof kIpv4Prefix) != 0) return std::nullopt;
    return node_of(address[3]);
  }
  return std::nullopt;
}

VirtioHeader virtio_of(std::span<const uint8_t> frame) {
  VirtioHeader header{};
  std::memcpy(&header, frame.data(), kVirtioBytes);
  return header;
}

// Bytes of the IP and TCP headers of a super-packet; 0 when it is none that we know.
size_t headers_of(const VirtioHeader& virtio, std::span<const uint8_t> packet) {
  const bool tcp = virtio.gso_type == kVirtioTcp4 ||
                   virtio.gso_type == kVirtioTcp6;
  const size_t tcp_at = virtio.csum_start;
  if (!tcp || virtio.gso_size == 0 || tcp_at + kTcpBytes > packet.size()) return 0;
  const size_t headers = tcp_at + size_t{packet[tcp_at + 12]} / 16 * 4;
  return headers < packet.size() ? headers : 0;
}

// Where the TCP header of a plain IP packet is: not behind options, not in a fragment.
std::optional<size_t> tcp_at_of(std::span<const uint8_t> packet) {
  if (packet.size() >= kIpv6Bytes && is_ipv6(packet.data())) {
    if (packet[6] != kTcp) return std::nullopt;
    return kIpv6Bytes;
  }
  constexpr uint8_t kNoOptions = 0x45;
  constexpr uint16_t kFragment = 0x3fff;
  if (packet.size() < kIpv4Bytes || packet[0] != kNoOptions || packet[9] != kTcp ||
      (load16(packet.data() + 6) & kFragment) != 0) {
    return std::nullopt;
  }
  return kIpv4Bytes;
}

// Nothing but time stamps, as they stand in each packet of a connection that has them.
bool only_time_stamps(std::span<const uint8_t> options) {
  constexpr uint8_t kTimeStamps[4] = {1, 1, 8, 10};
  return options.empty() ||
         (options.size() == 12 && std::memcmp(options.data(), kTimeStamps, 4) == 0);
}

// The pseudo header's sum is what the kernel expects where it is to complete a checksum itself.
void fix_tcp(uint8_t* packet, size_t tcp_at, size_t size, uint32_t skipped, bool first, bool last) {
  uint8_t* tcp = packet + tcp_at;
  store32(tcp + 4, load32(tcp + 4) + skipped);
  if (!last) tcp[13] &= static_cast<uint8_t>(~(kFin | kPush));
  if (!first) tcp[13] &= static_cast<uint8_t>(~kWindowReduced);
  const bool v6 = is_ipv6(packet);
  const uint32_t length = static_cast<uint32_t>(size - tcp_at);
  store16(tcp + 16, sum16(packet + (v6 ? 8 : 12), v6 ? 32 : 8, kTcp + length));
}

void fix_ip(uint8_t* packet, size_t size, uint32_t begin) {
  if (is_ipv6(packet)) {
    store16(packet + 4, static_cast<uint32_t>(size - kIpv6Bytes));
    return;
  }
  store16(packet + 2, static_cast<uint32_t>(size));
  store16(packet + 4, load16(packet + 4) + begin);  // each packet has its own number
  store16(packet + 10, 0);
  const size_t header = size_t{packet[0]} % 16 * 4;
  store16(packet + 10, ~sum16(packet, header));
}

}  // namespace

std::optional<ParsedFrame> parse_frame(std::span<const uint8_t> frame) {
  if (frame.size() <= kVirtioBytes) return std::nullopt;
  const auto packet = frame.subspan(kVirtioBytes);
  const auto destination = destination_of(packet);
  if (!destination) return std::nullopt;
  ParsedFrame parsed{*destination, {}};
  const auto whole = static_cast<uint32_t>(packet.size());
  const VirtioHeader virtio = virtio_of(frame);
  if (virtio.gso_type == kVirtioPlain) {
    parsed.burst = {1, whole, whole};
    return parsed;
  }
  const auto headers = static_cast<uint32_t>(headers_of(virtio, packet));
  if (headers == 0) return std::nullopt;
  const uint32_t payload = whole - headers;
  const uint32_t packets = (payload + virtio.gso_size - 1) / virtio.gso_size;
  const uint32_t last = payload - (packets - 1) * virtio.gso_size;
  parsed.burst = {packets, headers + virtio.gso_size, headers + last};
  return parsed;
}

Frame cut_frame(std::span<const uint8_t> frame, uint32_t begin, uint32_t end) {
  VirtioHeader virtio = virtio_of(frame);
  const auto packet = frame.subspan(kVirtioBytes);
  const size_t headers = headers_of(virtio, packet);
  const size_t from = std::min(headers + size_t{begin} * virtio.gso_size, packet.size());
  const size_t to = std::min(headers + size_t{end} * virtio.gso_size, packet.size());
  const size_t tcp_at = virtio.csum_start;
  const uint32_t skipped = static_cast<uint32_t>(from - headers);
  if (to - from <= virtio.gso_size) {
    virtio.gso_type = kVirtioPlain;
    virtio.gso_size = 0;
  }
  Frame piece(kVirtioBytes + headers + (to - from));
  uint8_t* out = piece.data.get() + kVirtioBytes;
  std::memcpy(piece.data.get(), &virtio, kVirtioBytes);
  std::memcpy(out, packet.data(), headers);
  std::memcpy(out + headers, packet.data() + from, to - from);
  const size_t size = piece.size - kVirtioBytes;
  fix_ip(out, size, begin);
  fix_tcp(out, tcp_at, size, skipped, begin == 0, to == packet.size());
  return piece;
}

std::span<const uint8_t> TcpFrame::connection() const {
  const size_t addresses = is_ipv6(frame.data() + kVirtioBytes) ? 32 : 8;
  return frame.subspan(tcp_at - addresses, addresses + 4);
}

std::optional<TcpFrame> parse_tcp(std::span<const uint8_t> frame) {
  if (frame.size() <= kVirtioBytes) return std::nullopt;
  const auto packet = frame.subspan(kVirtioBytes);
  const auto tcp_at = tcp_at_of(packet);
  const VirtioHeader virtio = virtio_of(frame);
  if (!tcp_at || virtio.flags != kVirtioNeedsChecksum || virtio.csum_start != *tcp_at ||
      *tcp_at + kTcpBytes > packet.size()) {
    return std::nullopt;
  }
  const size_t headers = *tcp_at + size_t{packet[*tcp_at + 12]} / 16 * 4;
  if (headers < *tcp_at + kTcpBytes || headers >= packet.size()) return std::nullopt;
  const bool plain = virtio.gso_type == kVirtioPlain;
  if (!plain && headers_of(virtio, packet) != headers) return std::nullopt;
  const size_t segment = plain ? packet.size() - headers : virtio.gso_size;
  return TcpFrame{frame, kVirtioBytes + *tcp_at, kVirtioBytes + headers,
                  static_cast<uint32_t>(segment)};
}

bool can_join(const TcpFrame& first, const TcpFrame& last, const TcpFrame& next) {
  if (first.tcp_at != next.tcp_at || first.payload_at != next.payload_at) return false;
  const uint8_t* ours = first.frame.data();
  const uint8_t* theirs = next.frame.data();
  const size_t tcp_at = next.tcp_at;
  // Version and class (and a label of IPv6), time to live, addresses and ports.
  const bool v6 = is_ipv6(ours + kVirtioBytes);
  const size_t lives_at = kVirtioBytes + (v6 ? 7 : 8);
  if (std::memcmp(ours + kVirtioBytes, theirs + kVirtioBytes, v6 ? 4 : 2) != 0 ||
      ours[lives_at] != theirs[lives_at] ||
      !std::ranges::equal(first.connection(), next.connection())) {
    return false;
  }
  const auto flags = [tcp_at](const uint8_t* frame) { return frame[tcp_at + 13]; };
  if ((flags(ours) & ~(kPush | kWindowReduced)) != kAcknowledges ||
      (flags(last.frame.data()) & kFin) != 0 ||
      (flags(theirs) & ~(kPush | kFin)) != kAcknowledges) {
    return false;
  }
  const auto options = [](const TcpFrame& tcp) {
    return tcp.frame.subspan(tcp.tcp_at + kTcpBytes, tcp.payload_at - tcp.tcp_at - kTcpBytes);
  };
  if (!only_time_stamps(options(first)) || !only_time_stamps(options(next))) return false;
  const uint32_t end =
      load32(last.frame.data() + tcp_at + 4) + static_cast<uint32_t>(last.payload());
  return load32(theirs + tcp_at + 4) == end && last.payload() % first.segment == 0 &&
         next.segment <= first.segment &&
         (next.segment == first.segment || next.payload() <= next.segment);
}

Frame joined_headers(const TcpFrame& first, const TcpFrame& last, size_t payload) {
  Frame headers(first.payload_at);
  std::memcpy(headers.data.get(), first.frame.data(), first.tcp_at);
  std::memcpy(headers.data.get() + first.tcp_at, last.frame.data() + first.tcp_at,
              first.payload_at - first.tcp_at);
  uint8_t* packet = headers.data.get() + kVirtioBytes;
  const size_t tcp_at = first.tcp_at - kVirtioBytes;
  VirtioHeader virtio = virtio_of(first.frame);
  virtio.gso_type = is_ipv6(packet) ? kVirtioTcp6 : kVirtioTcp4;
  virtio.gso_size = static_cast<uint16_t>(first.segment);
  virtio.hdr_len = static_cast<uint16_t>(first.payload_at - kVirtioBytes);
  std::memcpy(headers.data.get(), &virtio, kVirtioBytes);
  const size_t size = virtio.hdr_len + payload;
  store32(packet + tcp_at + 4, load32(first.frame.data() + first.tcp_at + 4));
  uint8_t& flags = packet[tcp_at + 13];
  flags = static_cast<uint8_t>(flags | (first.frame[first.tcp_at + 13] & kWindowReduced));
  fix_ip(packet, size, 0);
  fix_tcp(packet, tcp_at, size, 0, true, true);
  return headers;
}

std::string ipv4_of(unsigned node) {
  return "10.44.0." + std::to_string(node == kCoordinatorNode ? kCoordinatorByte : node);
}

std::string ipv6_of(unsigned node) {
  char text[16];
  std::snprintf(text, sizeof text, "fd44::%x", node == kCoordinatorNode ? kCoordinatorByte : node);
  return text;
}

}  // namespace atoll_cli
