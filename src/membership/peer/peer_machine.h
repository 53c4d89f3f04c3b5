// The peer side of membership without I/O: registration, heartbeats, the view, the update barrier
// and the settle round as one member sees them. The engine owns one; it carries out the outputs in
// order and keeps ops, links and state itself.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "base/timer_table.h"
#include "membership/common/control_session.h"
#include "membership/common/generation_table.h"
#include "wire/control.h"

namespace atoll_core::membership {

struct PeerConfig {
  std::string run;
  wire::PeerInfo self;              // id is 0 until registered
  Duration connect_timeout = std::chrono::milliseconds(10000);  // until registered
  // Without a coordinator for this long the peer has left the run.
  Duration coordinator_timeout = std::chrono::milliseconds(30000);
  uint32_t coordinators = 1;        // addresses where a coordinator may be
  wire::RunMemory memory;           // of the communicator's last session
};

// What the engine must do; in this order.
namespace peer_output {
struct Send { wire::ToCoordinator message; };
struct DialCoordinator { uint32_t address = 0; };  // open a control connection (again), there
struct CloseControl { std::string reason; };
// Registration accepted, in the run with this id; also each time the control connection was lost
// and is back. A pending peer that comes back has a new id and makes its links anew.
struct Connected { PeerId self; std::string run; };
struct RosterChanged { wire::Roster roster; };    // links to hold from now on
// A new view stands. Verdicts, if any, follow as their own outputs before anything else.
struct ViewChanged { wire::View view; bool admission = false; std::vector<wire::PeerInfo> lost;
                     std::string reason; };
struct UpdateFinished { Epoch epoch; };           // the caller of atollUpdate may return
struct UpdateWaitsFor { std::vector<std::string> reasons; };  // the open one; replaces the last
struct UpdateFailed { Error error; };             // it returns this; the membership goes on
// Then report(). The round ends, or begins anew, within `longest`.
struct FreezeOps { uint64_t round; std::optional<OpId> op; std::string reason; Duration longest; };
// The round is over, its verdicts were output. Without an op: about everything, ops that were
// frozen alone too; syncs that are open are to be asked for again in the new epoch.
struct Thaw { std::optional<OpId> op; };
struct VerdictHeard { wire::Verdict verdict; };
struct ProbePeer { wire::PeerInfo peer; };        // dial it, then probe_result()
struct SyncPlanned { wire::SyncPlan plan; };
struct StateOffered { wire::StateOffer offer; };  // pending: may be fetched from its holders
struct StableHeard { std::vector<wire::Watermark> marks; };
struct Failed { Error error; };                   // the communicator is no longer part of the run
}  // namespace peer_output

using PeerOutput =
    std::variant<peer_output::Send, peer_output::DialCoordinator, peer_output::CloseControl,
                 peer_output::Connected, peer_output::RosterChanged, peer_output::ViewChanged,
                 peer_output::UpdateFinished, peer_output::UpdateWaitsFor,
                 peer_output::UpdateFailed, peer_output::FreezeOps, peer_output::Thaw,
                 peer_output::VerdictHeard, peer_output::ProbePeer,
                 peer_output::SyncPlanned, peer_output::StateOffered, peer_output::StableHeard,
                 peer_output::Failed>;

// While a control connection is lost, members stay members and may go on with their ops. At the
// same life of the coordinator their session goes on as if nothing had happened. At another one, or
// when too much has been missed, they register again, and what the coordinator must still hear is
// sent again: the open update, links as last reported, requested aborts that have no verdict. Ops
// are told of in the settle round that such a return starts. peer_machine.cpp has the view and the
// calls, control_connection.cpp the connection.
class PeerMachine {
 public:
  enum class Standing { kIdle, kConnecting, kRegistering, kPending, kMember, kLeft, kFailed };

  explicit PeerMachine(PeerConfig config);

  // Inputs. After CloseControl nothing of that connection is to be fed in any more; each
  // DialCoordinator is answered by on_control_connected or on_control_failed.
  void start(TimePoint now);
  void on_control_waiting(std::string what);  // dialling: what has not come yet
  void on_control_connected(TimePoint now);
  void on_control_failed(TimePoint now, const std::string& reason);  // dial failed or broken
  void on_message(TimePoint now, wire::ToPeer message);
  // Bytes of a message that is not whole yet: the coordinator lives, and the way is slow.
  void on_bytes(TimePoint now);
  void tick(TimePoint now);
  // What the coordinator has asked for.
  Duration heartbeat_interval() const { return control_.heartbeat_interval; }
  TimePoint next_deadline() const { return timers_.next_deadline(); }

  // Commands. They return an error when the state does not allow them.
  Result<void> request_update(TimePoint now, std::vector<wire::CallPosition> positions,
                              std::vector<wire::AnyReceives> receives = {});
  // What has become of receives from whoever sends since an update was asked for that is still
  // open; `named`: the name that one of them has got, the sequence of which is one higher now.
  void note_receives(std::vector<wire::AnyReceives> receives,
                     const std::optional<wire::CallPosition>& named);
  // The caller gave up waiting. The request cannot be taken back: it stays open, so that
  // update_open() stays true, until it is answered. The next request_update must have the same
  // positions; it joins the open request, or gets the answer that has come meanwhile.
  void cancel_update();
  // `lost`: not of its own will. The others need not find out by its silence.
  void leave(TimePoint now, std::string reason, bool lost = false);
  // Where this peer listens from now on; told when it registers or resumes.
  void set_endpoints(std::vector<Endpoint> endpoints) {
    config_.self.endpoints = std::move(endpoints);
  }
  // Something was lost that attempts rely on. The session is not resumed, but registered anew,
  // which ends in a settle round: then all attempts begin anew.
  void begin_session_anew(TimePoint now, const std::string& reason);
  // Any message of an op, a link or a sync: passed on when registered, dropped otherwise.
  void send(wire::ToCoordinator message);

  std::vector<PeerOutput> take_outputs();

  Standing standing() const { return standing_; }
  bool frozen() const { return open_round_.has_value(); }  // a round about all ops is open
  const std::optional<wire::View>& view() const { return view_; }
  const GenerationTable& generations() const { return generations_; }
  const wire::PeerInfo& self() const { return config_.self; }
  // The latest life of the coordinator that has accepted this session.
  const Incarnation& coordinator_life() const { return control_.incarnation; }
  // For the communicator's next session.
  const wire::RunMemory& memory() const { return memory_; }
  // Silence for so long, and a connection to the coordinator counts as lost. Once registered.
  Duration coordinator_patience() const { return control_.silence_timeout; }
  bool update_open() const { return update_.positions.has_value(); }

 private:
  enum class Timer { kConnect, kRedial, kAnswer, kHeartbeat, kCoordinatorSilence, kCount };

  struct Control {
    enum class Status { kDown, kDialling, kRegistering, kUp };
    Status status = Status::kDown;
    Duration backoff{};
    uint32_t address = 0;     // dialled last
    uint64_t dials = 0;
    std::string last_reason;  // why there is no connection
    std::string waiting;      // while dialling: what has not come yet
    std::optional<Error> undecided;  // answered the last Register: come again
    bool resumes = false;     // a Resume has no answer yet
    bool may_resume = true;   // the session, when there is a connection again
    Incarnation incarnation;  // the highest that has accepted this peer
    Duration heartbeat_interval{};
    Duration silence_timeout{};
    uint64_t heartbeat_heard = 0;
    TimePoint last_message{};
  };

  // What a sync will have been if it commits.
  struct PlannedSync {
    uint64_t number = 0;
    uint64_t revision = 0;
  };

  // Number `number` of this generation is, or will be, the call of atollUpdate.
  struct UpdateCall {
    std::optional<std::vector<wire::CallPosition>> positions;  // of the open request
    std::vector<wire::AnyReceives> receives;                   // the same
    bool caller_waits = false;
    uint64_t number = 0;
    std::optional<Result<Epoch>> kept;  // the answer to a request whose caller had given up
    std::optional<Error> last_error;    // of the last update that ended
  };

  struct SentAgain {
    std::map<PeerId, wire::LinkReport> links;
    std::map<OpId, wire::AbortRequest> aborts;
    std::optional<wire::FollowState> follow;  // while pending
    std::optional<wire::Measured> measured;
  };

  void dial(TimePoint now);
  // What one address gets of the time in which a coordinator must be found; none: all of it.
  std::optional<Duration> answer_patience() const;
  void await_answer(TimePoint now);
  void try_next_address(TimePoint now);
  Error no_coordinator() const;
  bool may_resume() const;
  void register_here();
  void go_up(TimePoint now);
  wire::Rejoin rejoin() const;
  // This coordinator will not do; perhaps one at another address.
  void look_elsewhere(TimePoint now, const std::string& reason);
  void lose_control(TimePoint now, const std::string& reason);
  void redial_later(TimePoint now);
  void hear(TimePoint now);
  void pass_on(wire::ToCoordinator message);
  void send_update(bool again = false);
  void send_again();
  void end_update(Result<Epoch> answer);
  void answer_update(Result<Epoch> answer);
  void fail_run(ErrorCode code, std::string reason);
  bool change_view(const wire::ViewDelta& delta);
  // Nobody takes part in what is about it any more.
  void forget_generation(Generation generation);
  void emit(const wire::Verdict& verdict);
  void note_sync(const wire::Verdict& verdict);

  void handle(TimePoint now, wire::Registered message);
  void handle(TimePoint now, wire::Resumed message);
  void handle(TimePoint now, wire::Refused message);
  void handle(TimePoint now, wire::CoordinatorHeartbeat message);
  void handle(TimePoint now, wire::Roster message);
  void handle(TimePoint now, wire::Updated message);
  void handle(TimePoint now, wire::UpdateFailed message);
  void handle(TimePoint now, wire::TellPositions message);
  void handle(TimePoint now, wire::UpdateWaits message);
  void handle(TimePoint now, wire::OpVerdict message);
  void handle(TimePoint now, wire::Freeze message);
  void handle(TimePoint now, wire::Settled message);
  void handle(TimePoint now, wire::Probe message);
  void handle(TimePoint now, wire::SyncPlan message);
  void handle(TimePoint now, wire::Stable message);
  void handle(TimePoint now, wire::StateOffer message);
  void handle(TimePoint now, wire::Evicted message);
  void handle(TimePoint, wire::Status) {}  // nobody asked

  PeerConfig config_;
  Standing standing_ = Standing::kIdle;
  Control control_;
  ControlSession<wire::ToCoordinator> session_;
  std::optional<wire::View> view_;
  GenerationTable generations_;
  wire::RunMemory memory_;
  std::map<OpId, PlannedSync> syncs_;  // not ended
  bool gap_ = true;       // not through a committed sync since the admission
  std::optional<uint64_t> open_round_;
  UpdateCall update_;
  SentAgain sent_again_;
  TimerTable<Timer> timers_;
  std::vector<PeerOutput> outputs_;
};

}  // namespace atoll_core::membership
