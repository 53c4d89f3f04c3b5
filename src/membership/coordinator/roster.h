// Who is there: one record for each registered peer. Removing the record removes all of it.
//
// Invariants: ids, sessions and connections are each unique; a suspect is a member without a
// connection, and everybody else has one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "membership/common/control_session.h"
#include "membership/coordinator/coordinator_machine.h"
#include "membership/coordinator/driving_rights.h"
#include "wire/control.h"

namespace atoll_core::membership {

enum class Standing : uint8_t {
  kPending,  // registered, not in the view
  kMember,
  kSuspect,  // a member whose control connection is broken
};
std::string_view to_string(Standing standing);

struct PeerRecord {
  wire::PeerInfo info;
  Standing standing = Standing::kPending;
  ConnectionId connection;
  std::string remote;
  CoordinatorPlace place;  // where it registered
  wire::RunMemory memory;  // of the run that it was in before
  TimePoint last_heard;  // a message
  TimePoint last_bytes;  // of one that is not whole yet, on the present connection
  TimePoint suspect_since;
  std::string suspect_reason;
  // The last coordinator heartbeat that it has echoed; those up to `echo_floor` prove nothing: what
  // it had missed before it came back was sent after them.
  uint64_t heartbeat_heard = 0;
  uint64_t echo_floor = 0;
  uint64_t roster_sent_after = 0;  // this heartbeat
  ControlSession<wire::ToPeer> session;
  bool view_unknown = false;     // came back: what it holds may be older than what was sent
  bool gap = true;               // not yet through a committed sync since its admission
  // It has asked for what its update waits, and was told this last.
  std::optional<std::vector<std::string>> told_waits;
  // Somebody else has asked for its place: whether it has heard of this heartbeat will tell that it
  // lives. `asked`: last time.
  struct Doubt {
    uint64_t heartbeat = 0;
    TimePoint asked;
  };
  std::optional<Doubt> doubt;
  std::optional<wire::FollowState> follows;  // pending: fetches what the members have synced

  // Since when nothing shows that it lives. A large message may take longer on a slow way than a
  // peer may be silent; but not for ever, or a peer that trickles would keep all others waiting.
  TimePoint silent_since(Duration peer_timeout) const {
    if (!connected()) return suspect_since;
    return std::max(last_heard, std::min(last_bytes, last_heard + 3 * peer_timeout));
  }
  bool connected() const { return standing != Standing::kSuspect; }
  bool in_view() const { return standing != Standing::kPending; }
};

class Roster {
 public:
  PeerRecord& add(PeerRecord record);
  void erase(PeerId peer);

  void mark_member(PeerId peer);
  // The control connection is broken.
  void mark_suspect(PeerId peer, TimePoint now, std::string reason);
  // A member has a (new) control connection: one over which it has registered anew, and may have
  // missed what was sent, or one over which its session goes on.
  void attach(PeerId peer, ConnectionId connection, std::string remote, TimePoint now);
  void reattach(PeerId peer, ConnectionId connection, std::string remote, TimePoint now);

  PeerRecord* find(PeerId peer);
  const PeerRecord* find(PeerId peer) const;
  PeerRecord* find(SessionId session);
  const PeerRecord* find(SessionId session) const;
  PeerRecord* find(ConnectionId connection);
  // The peer that holds this place, or null. A suspect does not keep others away. Nor does a peer
  // that has been silent for `peer_timeout`: it is dead, although it may not be dropped yet where
  // a coordinator has lost the majority.
  PeerRecord* holder(const std::string& replica, uint32_t shard, TimePoint now,
                     Duration peer_timeout);
  size_t members_here() const;  // that are connected

  size_t size() const { return records_.size(); }
  std::map<PeerId, PeerRecord>& records() { return records_; }
  const std::map<PeerId, PeerRecord>& records() const { return records_; }

 private:
  // Each session its part of what all of them may keep.
  void share_sessions();

  std::map<PeerId, PeerRecord> records_;
  std::map<SessionId, PeerId> sessions_;
  std::map<ConnectionId, PeerId> connections_;
};

// The sessions that were dropped from the run, and why, so that one that comes back is told.
// Bounded: the last kDeparturesKept.
class Departures {
 public:
  static constexpr size_t kDeparturesKept = limits::kDeparturesKept;

  void add(SessionId session, std::string reason);
  const std::string* find(SessionId session) const;
  size_t size() const { return reasons_.size(); }

 private:
  std::map<SessionId, std::string> reasons_;
  std::deque<SessionId> order_;
};

}  // namespace atoll_core::membership
