// What peers remember of the run that they are or were in, beyond one view and one session: by it a
// coordinator tells its run from another of the same name, and knows what must not be lost.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"

namespace atoll_core::wire {

// What an instance has committed, as far as the one who tells it knows. It only grows, and of two
// lives of the coordinator that have counted alike the one with the greater history goes on.
struct RunHistory {
  uint64_t syncs = 0;     // the number of the last state sync that committed
  uint64_t updates = 0;   // that have ended well
  uint64_t revision = 0;  // of the last state sync
  auto operator<=>(const RunHistory&) const = default;
};
// "12 state syncs, the last of revision 1000, and 40 updates"
std::string to_string(const RunHistory& history);

// This revision was committed by a sync of this instance. Zero: none.
struct CommittedRevision {
  InstanceId instance;
  uint64_t revision = 0;
  bool operator==(const CommittedRevision&) const = default;
};

// The process has a state that it has synced under this tag, and that is this revision or has been
// made of it.
struct HeldRevision {
  uint64_t tag = 0;
  uint64_t layout = 0;  // state_layout() of its tensors: a tag may serve several states
  uint64_t revision = 0;
  bool operator==(const HeldRevision&) const = default;
};

// What a communicator takes along from session to session. An instance of zero: it was in no run.
struct RunMemory {
  InstanceId instance;
  RunHistory history;
  std::vector<HeldRevision> held;  // committed in that instance; one for each tag and layout
  Incarnation life{};  // of the coordinator that made the last view of it that it knows of
  bool operator==(const RunMemory&) const = default;
};

}  // namespace atoll_core::wire
