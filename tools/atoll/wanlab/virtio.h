// The header that a TUN device with IFF_VNET_HDR puts before each packet, in this computer's byte
// order. Linux' own header (linux/virtio_net.h) is not C++.
#pragma once

#include <cstdint>

namespace atoll_cli {

struct VirtioHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t hdr_len;      // a hint: bytes of all headers
  uint16_t gso_size;     // payload of each packet that a super-packet stands for
  uint16_t csum_start;   // where the checksummed part begins: the TCP header
  uint16_t csum_offset;  // of the checksum in it
};
static_assert(sizeof(VirtioHeader) == 10);

inline constexpr uint8_t kVirtioNeedsChecksum = 1;  // flags
inline constexpr uint8_t kVirtioPlain = 0;          // gso_type
inline constexpr uint8_t kVirtioTcp4 = 1;
inline constexpr uint8_t kVirtioTcp6 = 4;

}  // namespace atoll_cli
