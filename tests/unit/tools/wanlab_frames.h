// Frames as a TUN device with a virtio header hands them over, made by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "tools/atoll/wanlab/virtio.h"

namespace atoll_test {

using Bytes = std::vector<uint8_t>;

inline constexpr size_t kVirtio = sizeof(atoll_cli::VirtioHeader);

inline void put16(Bytes& bytes, size_t at, uint32_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

inline uint32_t get16(const Bytes& bytes, size_t at) { return bytes[at] * 256u + bytes[at + 1]; }
inline uint32_t get32(const Bytes& bytes, size_t at) {
  return get16(bytes, at) << 16 | get16(bytes, at + 2);
}

// The ones' complement sum over any number of bytes.
inline uint32_t checksum_sum(const uint8_t* bytes, size_t count, uint32_t sum = 0) {
  for (size_t i = 0; i < count; ++i) sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

inline void put_address(Bytes& frame, size_t at, bool v6, uint8_t last) {
  const Bytes address = v6 ? Bytes{0xfd, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}
                           : Bytes{10, 44, 0, last};
  std::copy(address.begin(), address.end(), frame.begin() + static_cast<std::ptrdiff_t>(at));
}

// A TCP super-packet of `payload` bytes that count up, to be cut into packets with `segment` bytes
// of them; with the flags CWR, ACK, PSH and FIN, and a TCP header with 12 bytes of options.
// A `segment` of 0: a plain packet.
inline Bytes tcp_frame(bool v6, uint8_t from, uint8_t to, size_t payload, uint16_t segment) {
  const size_t ip = v6 ? 40 : 20, tcp = 32;
  Bytes frame(kVirtio + ip + tcp + payload);
  atoll_cli::VirtioHeader virtio{};
  virtio.flags = atoll_cli::kVirtioNeedsChecksum;
  virtio.csum_start = static_cast<uint16_t>(ip);
  virtio.csum_offset = 16;
  if (segment > 0) {
    virtio.gso_type = v6 ? atoll_cli::kVirtioTcp6 : atoll_cli::kVirtioTcp4;
    virtio.gso_size = segment;
    virtio.hdr_len = static_cast<uint16_t>(ip + tcp);
  }
  std::memcpy(frame.data(), &virtio, kVirtio);
  const size_t length = ip + tcp + payload;
  if (v6) {
    frame[kVirtio] = 0x60;
    put16(frame, kVirtio + 4, static_cast<uint32_t>(length - ip));
    frame[kVirtio + 6] = 6;
  } else {
    frame[kVirtio] = 0x45;
    put16(frame, kVirtio + 2, static_cast<uint32_t>(length));
    put16(frame, kVirtio + 4, 0xfffe);  // the next but one begins at 0 again
    frame[kVirtio + 9] = 6;
  }
  put_address(frame, kVirtio + (v6 ? 8 : 12), v6, from);
  put_address(frame, kVirtio + (v6 ? 24 : 16), v6, to);
  const size_t tcp_at = kVirtio + ip;
  put16(frame, tcp_at + 4, 0xffff);  // a sequence number just below its wrap
  put16(frame, tcp_at + 6, 0xff00);
  frame[tcp_at + 12] = 0x80;
  frame[tcp_at + 13] = 0x80 | 0x10 | 0x08 | 0x01;
  std::iota(frame.begin() + static_cast<std::ptrdiff_t>(tcp_at + tcp), frame.end(), uint8_t{1});
  return frame;
}

// As long as that, and the same in every byte but the addresses: for counting only.
inline Bytes plain_frame(uint8_t from, uint8_t to, size_t packet_bytes) {
  return tcp_frame(false, from, to, packet_bytes - 52, 0);
}

}  // namespace atoll_test
