#include "peer/descriptor_watch.h"

#include <unistd.h>

#include <fmt/format.h>

namespace atoll_core::peer {

void DescriptorWatch::look(size_t wanted, size_t open) {
  if (wanted <= looked_for_) return;
  looked_for_ = wanted;
  const process::DescriptorRoom room = room_();
  const size_t missing = (wanted > open ? wanted - open : 0) + kBeside;
  if (room.limit == 0 || room.open + missing <= room.limit) return;
  say_(fmt::format("process {} may have {} file descriptors, and {} are open: its links with other "
                   "peers want {} connections, so it should be allowed {} (ulimit -n)",
                   ::getpid(), room.limit, room.open, wanted, room.open + missing));
}

}  // namespace atoll_core::peer
