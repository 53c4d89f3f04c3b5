#include "tools/atoll/wanlab/receive_offload.h"

#include <string_view>
#include <utility>

namespace atoll_cli {
namespace {

constexpr size_t kPayloadMax = 65535 - 60 - 40;  // behind the longest headers of TCP and IP
constexpr size_t kFramesMax = 512;               // the kernel takes 1024 pieces

uint64_t hash_of(std::span<const uint8_t> bytes) {
  return std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<TcpFrame> tcp_of(const Frame& frame) { return parse_tcp(frame.bytes()); }

iovec piece_of(std::span<const uint8_t> bytes) {
  return {const_cast<uint8_t*>(bytes.data()), bytes.size()};  // for writing out only
}

}  // namespace

void ReceiveOffload::add(unsigned to, Frame frame) {
  const auto tcp = tcp_of(frame);
  const size_t payload = tcp ? tcp->payload() : 0;
  if (tcp) {
    const uint64_t connection = hash_of(tcp->connection());
    const auto [known, is_new] = latest_.try_emplace(connection, chains_.size());
    if (!is_new) {
      Chain& chain = chains_[known->second];
      if (continues(chain, to, *tcp)) {
        chain.payload += payload;
        chain.frames.push_back(std::move(frame));
        return;
      }
      known->second = chains_.size();
    }
  }
  chains_.push_back({to, {}, payload});
  chains_.back().frames.push_back(std::move(frame));
}

bool ReceiveOffload::continues(const Chain& chain, unsigned to, const TcpFrame& next) {
  return chain.to == to && chain.payload + next.payload() <= kPayloadMax &&
         chain.frames.size() < kFramesMax &&
         can_join(*tcp_of(chain.frames.front()), *tcp_of(chain.frames.back()), next);
}

void ReceiveOffload::write_chain(const Chain& chain, const Write& write) {
  const Frame& first = chain.frames.front();
  pieces_.clear();
  if (chain.frames.size() == 1) {
    pieces_.push_back(piece_of(first.bytes()));
    write(chain.to, pieces_);
    return;
  }
  const Frame headers =
      joined_headers(*tcp_of(first), *tcp_of(chain.frames.back()), chain.payload);
  pieces_.push_back(piece_of(std::as_const(headers).bytes()));
  for (const Frame& frame : chain.frames) {
    pieces_.push_back(piece_of(frame.bytes().subspan(headers.size)));
  }
  write(chain.to, pieces_);
}

void ReceiveOffload::flush(const Write& write) {
  for (const Chain& chain : chains_) write_chain(chain, write);
  chains_.clear();
  latest_.clear();
}

}  // namespace atoll_cli
