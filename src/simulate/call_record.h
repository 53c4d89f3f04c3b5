// One call as its caller knows it: what was asked, when, under which name, and what came of it.
// The name is counted by the caller itself, from the rule that all members make the same calls.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "engine/call.h"
#include "simulate/planned_call.h"
#include "simulate/world.h"

namespace atoll_core::simulate {

enum class CallKind : uint8_t { kConnect, kUpdate, kCollective, kSync };

inline std::string_view to_string(CallKind kind) {
  switch (kind) {
    case CallKind::kConnect: return "connect";
    case CallKind::kUpdate: return "update";
    case CallKind::kCollective: return "collective";
    case CallKind::kSync: return "sync";
  }
  return "?";
}

// Results up to this size are small.
inline constexpr uint64_t kSmallBytesMax = 1u << 20;

// What a peer knows of its state: its revision and the hash of its bytes.
struct StateContent {
  bool held = false;  // there is something to lose
  uint64_t revision = 0;
  uint64_t hash = 0;
  bool operator==(const StateContent&) const = default;
};

struct CallRecord {
  uint64_t number = 0;       // of all calls of the run
  CallKind kind = CallKind::kCollective;
  ProcessId process = 0;
  engine::CallId call = 0;
  std::string who;
  // All that call under one name are told the same verdict; those of one group the same result.
  std::string name;
  std::string group;
  PeerId self;
  std::vector<PeerId> slots;  // of its generation: the shards of one replica after those of another
  uint32_t shards = 1;        // of each replica
  InstanceId instance;  // of the run that its caller was in
  Incarnation life;     // of the coordinator, when it had last met the others
  TimePoint began{};
  Duration deadline{0};
  size_t callers = 0;  // of a collective: so many make it
  std::shared_ptr<CallMemory> memory;  // of a collective
  bool large = false;
  bool keeps = false;    // its segments stand once they are complete on all
  bool follows = false;  // an update of one that fetches the members' state meanwhile
  // Of a sync, or an update that follows: what its caller brought; of a sync, whether it had been
  // in the last one.
  StateContent brought;
  bool voter = false;
  StateContent now;  // when the call has ended
  wire::CommittedRevision committed;  // what the state was or was made of when it began

  std::string text() const {
    return who + "'s " + std::string(to_string(kind)) + (name.empty() ? "" : " " + name) +
           (group.empty() ? "" : " of " + group);
  }
};

// Told of every call that begins and ends, by the program that makes them.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void call_began(const CallRecord& record) = 0;
  virtual void call_ended(const CallRecord& record, const Result<engine::CallInfo>& result) = 0;
};

}  // namespace atoll_core::simulate
