// Looks up the addresses of names, so that nobody waits for a name server longer than he wants to.
//
// The system's resolver cannot be told to stop: with name servers that do not answer it holds its
// thread for 20 s and more, whoever has lost interest meanwhile. So it runs on threads that nobody
// waits for, neither who asked nor the end of the process. They own what they work on, and hand
// over what was found only to those who still hold their ticket.
//
// One lookup for each name at a time: who asks for a name that is being looked up joins that
// lookup. At most kThreads at the same time; further names wait for their turn.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "base/time.h"

namespace atoll_core::names {

struct Found {
  std::vector<sockaddr_storage> addresses;  // best first; their port is 0
  std::string problem;                      // why there are none
};

class NameLookups {
 public:
  static constexpr size_t kThreads = 16;

  using Resolve = std::function<Found(const std::string& name)>;
  using Heard = std::function<void(const Found& found)>;
  // Who drops it is not told of the end any more; at that moment the call may be under way, though.
  using Ticket = std::shared_ptr<const Heard>;

  // Those by the system's resolver, for this process. Live as long as it does.
  static NameLookups& of_system();

  // `resolve` may block, on several threads at once, and also when this object is gone.
  explicit NameLookups(Resolve resolve);

  // `heard` is called at most once, on a thread that may outlive everything that the caller has: it
  // must own what it touches.
  [[nodiscard]] Ticket start(const std::string& name, Heard heard);

  // Blocks for at most `patience`.
  Found wait(const std::string& name, Duration patience);

 private:
  struct Shared;
  static void work(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace atoll_core::names
