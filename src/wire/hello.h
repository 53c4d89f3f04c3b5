// The first frame on a data connection, both ways: fixed 112 bytes, little-endian. The dialler
// sends first; the listener answers with its own. Identity never depends on who dialled.
//
//   offset size field
//        0    8 magic            "ATOLLD01" as bytes
//        8    2 version_min
//       10    2 version_max
//       12    1 role             HelloRole
//       13    1 connection index inside the link
//       14    2 connection count the dialler means to have
//       16   16 session          of the sender
//       32   16 target session   whom the dialler means to reach
//       48    8 peer id          of the sender
//       56    8 target peer id
//       64    8 run              XXH3-64 of the run id
//       72   16 ticket           of the pair; in an answer: the dialler's, if it is right, or zero
//       88    8 life             of the sender's end of the link; 0: it has none, or does not tell
//       96    8 bound to         the life of the other end that it counts frames with; 0: none yet
//      104    8 checksum         XXH3-64 of the first 104 bytes
//
// Who does not know whom it reaches, that is, says another target session or another run, is told
// neither: the answer is refusal_hello(), always the same.
#pragma once

#include <array>
#include <string_view>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "wire/protocol_version.h"

namespace atoll_core::wire {

inline constexpr size_t kHelloBytes = 112;
inline constexpr std::string_view kHelloMagic = "ATOLLD01";  // its first bytes

enum class HelloRole : uint8_t {
  kLink = 1,   // becomes a connection of the link between the two peers
  kProbe = 2,  // only asks who is there; closed after the answer
};

struct Hello {
  uint16_t version_min = kProtocolVersion;
  uint16_t version_max = kProtocolVersion;
  HelloRole role = HelloRole::kLink;
  uint8_t connection_index = 0;
  uint16_t connection_count = 1;
  SessionId session;
  SessionId target_session;
  PeerId peer;
  PeerId target_peer;
  uint64_t run = 0;
  Ticket ticket;
  uint64_t life = 0;      // see engine/link_life.h
  uint64_t bound_to = 0;
  bool operator==(const Hello&) const = default;
};

// Names nobody, and no run.
inline Hello refusal_hello() { return {}; }

using HelloBytes = std::array<std::byte, kHelloBytes>;

void encode_hello(const Hello& hello, HelloBytes& out);
// Refuses a wrong magic, role or checksum, a version range without kProtocolVersion, and connection
// numbers beyond limits::kConnectionsPerLink.
Result<Hello> decode_hello(const HelloBytes& bytes);

uint64_t hash_run_id(std::string_view run);

}  // namespace atoll_core::wire
