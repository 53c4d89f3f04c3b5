// What a network card with receive offload does for its host: packets of one TCP connection that
// come one behind the other are handed over as one super-packet. No devices, no time of its own.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "tools/atoll/wanlab/packet.h"

namespace atoll_cli {

class ReceiveOffload {
 public:
  // A frame in pieces, for node `to`.
  using Write = std::function<void(unsigned to, std::span<const iovec> pieces)>;

  // A frame that has arrived at node `to`, after those that were added before.
  void add(unsigned to, Frame frame);

  // Hands out all that was added, each connection's in order, and begins again.
  void flush(const Write& write);

 private:
  // Frames of which each continues the one before.
  struct Chain {
    unsigned to = 0;
    std::vector<Frame> frames;
    size_t payload = 0;
  };

  static bool continues(const Chain& chain, unsigned to, const TcpFrame& next);
  void write_chain(const Chain& chain, const Write& write);

  std::vector<Chain> chains_;
  std::unordered_map<uint64_t, size_t> latest_;  // chain of a connection, by a hash of its name
  std::vector<iovec> pieces_;
};

}  // namespace atoll_cli
