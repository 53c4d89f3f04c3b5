#include "wire/hello.h"

#include <algorithm>

#include <xxhash.h>

#include "base/limits.h"
#include "base/text.h"
#include "wire/little_endian.h"

namespace atoll_core::wire {
namespace {

constexpr size_t kHelloChecksumOffset = 104;

uint64_t checksum(const HelloBytes& bytes) {
  return XXH3_64bits(bytes.data(), kHelloChecksumOffset);
}

void store_session(const SessionId& session, std::byte* at) {
  store_little_endian(session.high, at);
  store_little_endian(session.low, at + 8);
}

SessionId load_session(const std::byte* at) {
  return {load_little_endian<uint64_t>(at), load_little_endian<uint64_t>(at + 8)};
}

Result<void> check(const Hello& hello) {
  if (hello.version_min > kProtocolVersion || hello.version_max < kProtocolVersion) {
    return fail(ErrorCode::kVersionMismatch,
                "the hello of peer {} speaks data versions {} to {}, this side speaks {}",
                to_string(hello.peer), hello.version_min, hello.version_max,
                kProtocolVersion);
  }
  if (hello.role != HelloRole::kLink && hello.role != HelloRole::kProbe) {
    return fail(ErrorCode::kInvalidArgument, "the hello of peer {} has the unknown role {}",
                to_string(hello.peer), static_cast<int>(hello.role));
  }
  if (hello.connection_count == 0 || hello.connection_count > limits::kConnectionsPerLink ||
      hello.connection_index >= limits::kConnectionsPerLink) {
    return fail(ErrorCode::kInvalidArgument,
                "the hello of peer {} names connection {} of {}, a link has 1 to {}",
                to_string(hello.peer), hello.connection_index, hello.connection_count,
                limits::kConnectionsPerLink);
  }
  return {};
}

}  // namespace

void encode_hello(const Hello& hello, HelloBytes& out) {
  out.fill(std::byte{0});
  std::byte* at = out.data();
  std::copy_n(as_bytes(kHelloMagic).begin(), kHelloMagic.size(), at);
  store_little_endian(hello.version_min, at + 8);
  store_little_endian(hello.version_max, at + 10);
  store_little_endian(static_cast<uint8_t>(hello.role), at + 12);
  store_little_endian(hello.connection_index, at + 13);
  store_little_endian(hello.connection_count, at + 14);
  store_session(hello.session, at + 16);
  store_session(hello.target_session, at + 32);
  store_little_endian(hello.peer.value, at + 48);
  store_little_endian(hello.target_peer.value, at + 56);
  store_little_endian(hello.run, at + 64);
  store_little_endian(hello.ticket.high, at + 72);
  store_little_endian(hello.ticket.low, at + 80);
  store_little_endian(hello.life, at + 88);
  store_little_endian(hello.bound_to, at + 96);
  store_little_endian(checksum(out), at + kHelloChecksumOffset);
}

Result<Hello> decode_hello(const HelloBytes& bytes) {
  if (as_text(bytes).substr(0, kHelloMagic.size()) != kHelloMagic) {
    return fail(ErrorCode::kInvalidArgument, "a data connection begins with {}, not with \"{}\"",
                quote_bytes(bytes, kHelloMagic.size()), kHelloMagic);
  }
  const std::byte* at = bytes.data();
  if (load_little_endian<uint64_t>(at + kHelloChecksumOffset) != checksum(bytes)) {
    return fail(ErrorCode::kInvalidArgument,
                "the hello of a data connection was damaged on its way: its checksum is wrong");
  }
  Hello hello;
  hello.version_min = load_little_endian<uint16_t>(at + 8);
  hello.version_max = load_little_endian<uint16_t>(at + 10);
  hello.role = static_cast<HelloRole>(load_little_endian<uint8_t>(at + 12));
  hello.connection_index = load_little_endian<uint8_t>(at + 13);
  hello.connection_count = load_little_endian<uint16_t>(at + 14);
  hello.session = load_session(at + 16);
  hello.target_session = load_session(at + 32);
  hello.peer = PeerId{load_little_endian<uint64_t>(at + 48)};
  hello.target_peer = PeerId{load_little_endian<uint64_t>(at + 56)};
  hello.run = load_little_endian<uint64_t>(at + 64);
  hello.ticket = {load_little_endian<uint64_t>(at + 72), load_little_endian<uint64_t>(at + 80)};
  hello.life = load_little_endian<uint64_t>(at + 88);
  hello.bound_to = load_little_endian<uint64_t>(at + 96);
  if (auto checked = check(hello); !checked) return tl::make_unexpected(checked.error());
  return hello;
}

uint64_t hash_run_id(std::string_view run) { return XXH3_64bits(run.data(), run.size()); }

}  // namespace atoll_core::wire
