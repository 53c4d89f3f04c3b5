// Compares what the connections of a session need of file descriptors with what its process may
// have, and says so before they run out: when it connects, and whenever its links come to want
// more.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "process/shortage.h"

namespace atoll_core::peer {

class DescriptorWatch {
 public:
  // For what comes and goes: the connection to the coordinator, dials that race each other, those
  // who dial us and have not said who they are, a file.
  static constexpr size_t kBeside = 8;

  using Say = std::function<void(const std::string& sentence)>;
  using Look = std::function<process::DescriptorRoom()>;

  explicit DescriptorWatch(Say say, Look room = process::descriptor_room)
      : say_(std::move(say)), room_(std::move(room)) {}

  // So many connections are wanted, and so many of them are open. Looks at the process only when
  // more are wanted than ever before.
  void look(size_t wanted, size_t open);

 private:
  Say say_;
  Look room_;
  size_t looked_for_ = 0;
};

}  // namespace atoll_core::peer
