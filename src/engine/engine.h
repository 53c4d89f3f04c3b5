// One peer as a whole, without I/O: membership, links, calls. Whoever runs it
//   - passes in what happens (with the time), from one thread at a time,
//   - takes the outputs after each input and carries them out in order,
//   - moves the bytes of each connection through stream(key), and takes outputs after that too,
//   - calls tick() when next_deadline() has come.
// One engine lives for one stay in a run: after output::Left it does nothing any more.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/call.h"
#include "engine/call_ledger.h"
#include "engine/context.h"
#include "engine/frame_router.h"
#include "engine/link_table.h"
#include "engine/report.h"
#include "engine/state_follower.h"
#include "engine/state_server.h"
#include "engine/update_wait.h"
#include "membership/peer/peer_machine.h"
#include "wire/control_framing.h"

namespace atoll_core::engine {

class Engine {
 public:
  explicit Engine(EngineConfig config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Calls. Each ends with exactly one CallEnded, perhaps before the function returns.
  void connect(TimePoint now, CallId call);
  // `follow`: of a peer that is not yet a member, which is to fetch the members' state meanwhile.
  // A member's update takes no notice of it.
  void update(TimePoint now, CallId call, std::optional<FollowCall> follow = std::nullopt);
  // A call that begins while there is no room for it is refused, and takes no name.
  void collective(TimePoint now, CallId call, CollectiveCall arguments);
  void sync(TimePoint now, CallId call, SyncCall arguments);
  // What its links carry, found by loading them on purpose; this counts for more than what traffic
  // shows. To one peer, which may be gone, and to all together.
  void note_rate(PeerId peer, uint64_t bytes_per_second);
  void note_egress(uint64_t bytes_per_second);
  // On return nothing reads the bytes of this publication, which its owner has closed.
  void withdraw(TimePoint now, const state::Publication& publication);
  void cancel(TimePoint now, CallId call);
  // Leaves the run: every call ends, then output::Left. Until then, for a bounded time, results of
  // small calls are still handed to members that lack them.
  void leave(TimePoint now, const Error& reason);
  // Leaves at once.
  void abort(TimePoint now, const Error& reason);

  // Where this peer can be dialled, as far as it knows now. To be said before
  // on_control_connected(): the coordinator is told then.
  void set_endpoints(TimePoint now, std::vector<Endpoint> endpoints);

  // The control connection. While it is made: what has not come yet, for the sentence when nothing
  // comes in time.
  void on_control_waiting(const std::string& what);
  void on_control_connected(TimePoint now);
  void on_control_bytes(TimePoint now, ByteSpan bytes);
  void on_control_failed(TimePoint now, const std::string& reason);

  // Data connections.
  LinkTable::Answer on_hello(TimePoint now, const wire::Hello& hello);
  // `answer`: what was answered to `hello`.
  void on_accepted(TimePoint now, link::ConnectionKey key, const wire::Hello& hello,
                   const wire::Hello& answer);
  void on_dialed(TimePoint now, DialId dial, const DialResult& result);
  void on_closed(TimePoint now, link::ConnectionKey key, const std::string& reason);
  link::FrameStream* stream(link::ConnectionKey key) { return links_.stream(key); }
  // The time of what the streams are about to deliver.
  void set_now(TimePoint now) { context_.now = now; }

  void tick(TimePoint now);
  TimePoint next_deadline() const;
  void take_outputs(std::vector<EngineOutput>& into);

  const std::optional<wire::View>& view() const { return membership_.view(); }
  const wire::PeerInfo& self() const { return membership_.self(); }
  const Incarnation& coordinator_life() const { return membership_.coordinator_life(); }
  const wire::RunMemory& memory() const { return membership_.memory(); }
  bool left() const { return left_.has_value(); }
  // A settle round is open, about all calls or about one.
  bool in_a_round() const { return ledger_.in_a_round(); }
  link::LinkCounters counters() const { return links_.counters(); }
  const BackupCounters& backup_counters() const { return context_.backups.counters(); }
  // No call is open, and nothing waits to be sent: until somebody asks or something comes, there is
  // nothing to do but what next_deadline() tells of.
  bool at_rest() const;
  // Why one more call would be refused now, though the caller has done nothing wrong. Empty: it
  // would not.
  std::string why_no_room() const;
  size_t open_connections() const { return links_.open_connections(); }
  size_t connections_wanted() const { return links_.connections_wanted(); }
  // Also after it has left.
  EngineReport report(TimePoint now) const;
  std::vector<KeptReport> kept() const { return ledger_.kept(); }

 private:
  struct Leaving {
    Error reason;
    TimePoint deadline = kNever;
  };

  void depart();
  bool refuse(CallId call, const CallOptions& options);
  Result<CallNames::Place> place_of(const CollectiveCall& call) const;
  Error departed() const;  // for calls that come after it has left
  void end(CallId call, Result<CallInfo> result);
  void end_update(Result<CallInfo> result);
  void give_up_update(Error error);
  void look_after_update();
  // For what it waits that this peer sees itself; else empty.
  std::string hindrance() const;
  void fail(const Error& error);
  void absorb();  // carries out what membership and links have put out
  void leave_unheard();
  void absorb_membership(membership::PeerOutput& item);
  void view_changed(const membership::peer_output::ViewChanged& change);
  void update_finished();
  void control_lost(const std::string& reason);

  Context context_;
  membership::PeerMachine membership_;
  CallLedger ledger_;
  StateServer server_;
  StateFollower follower_;
  FrameRouter router_;
  LinkTable links_;  // those before it only hold on to it
  wire::ControlFramer framer_;
  ControlWatch control_;
  std::string run_;
  std::optional<CallId> connecting_;
  std::optional<UpdateWait> updating_;
  std::optional<Leaving> leaving_;
  std::optional<Error> left_;            // why
  std::optional<Error> unsendable_;      // a message that the coordinator would refuse
};

}  // namespace atoll_core::engine
