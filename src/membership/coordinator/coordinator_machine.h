// The coordinator side of membership and agreement as one state machine without I/O.
//
// Use: feed it connections, messages and time; then take the outputs, in order, and carry them out:
// Send before Close. Who feeds it all that has come over many connections before it takes the
// outputs spares it work: what concerns all peers (rosters, whether an update is complete, who can
// be admitted) is looked at once for each take_output(). Call tick() when next_deadline() has come;
// that is of use only after outputs were taken. It never reads a clock and never fails: bad input
// from a peer ends that peer's connection with a sentence.
//
// It composes one class per concern: Roster (who is there), UpdateBarrier, OpLedger (done, commit,
// abort), SettleRounds, SyncLedger, DrivingRights (who may drive). Each is in its own file and
// knows nothing of connections.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "membership/coordinator/driving_rights.h"
#include "wire/control.h"
#include "wire/snapshot.h"

namespace atoll_core::membership {

// Names one control connection for the machine; never used twice.
struct ConnectionId {
  uint64_t value = 0;
  auto operator<=>(const ConnectionId&) const = default;
};

struct CoordinatorConfig {
  std::string run;                  // run id; peers that name another are refused
  uint32_t min_replicas = 1;        // the first view has at least these
  Duration heartbeat_interval = std::chrono::milliseconds(500);
  Duration peer_timeout = std::chrono::milliseconds(5000);    // silence after which a peer is dead
  Duration register_timeout = std::chrono::milliseconds(10000);  // connected, but no Register
  // How long members of a run that this coordinator does not know are waited for.
  Duration rejoin_window = std::chrono::milliseconds(1500);
  StartFacts start;
  // A sync may elect a lower revision than one that was committed and is still held.
  bool accept_lower_revision = false;
  // Of verdicts in the message that ends a settle round; what is beyond follows it.
  size_t verdict_bytes_per_round = limits::kVerdictBytesPerRound;
  // Draws 128 random bits, never zero. Called when a first view is made. Empty: made of the
  // incarnation, for tests.
  std::function<InstanceId()> draw_instance;
  // With what one of two peers may dial the other: the same for both orders, and for as long as
  // this machine lives. Nobody else may be able to tell it. Empty: no tickets, for tests.
  std::function<Ticket(PeerId one, PeerId other)> ticket;
};

struct CoordinatorOutput {
  struct Send {
    ConnectionId connection;
    wire::ToPeer message;
  };
  struct Close {  // after what was sent has been flushed
    ConnectionId connection;
    std::string reason;
  };
  struct Event {  // for the log and for traces: "evict island-3: control connection broken, …"
    std::string text;
    bool routine = false;  // comes again and again while all is well
  };
  struct Save {  // before what follows is sent
    wire::Snapshot snapshot;
  };
  struct Drives {  // a run; or, for this reason, another coordinator does
    std::string not_because;
  };
  using Item = std::variant<Send, Close, Event, Save, Drives>;
  std::vector<Item> items;
};

// A copy; what `atoll status` shows is made of the same (status.cpp).
struct CoordinatorStatus {
  InstanceId instance;
  wire::RunHistory history;
  Incarnation incarnation;
  Epoch epoch;
  Generation generation;
  struct Peer {
    wire::PeerInfo info;
    std::string standing;  // "member", "pending", "suspect"
    TimePoint last_heard;
  };
  std::vector<Peer> peers;
  uint64_t commits = 0;
  uint64_t aborts = 0;
  uint64_t settle_rounds = 0;
  uint64_t admissions = 0;
  uint64_t evictions = 0;
  uint64_t left = 0;  // replicas that have left of their own will
  uint64_t renamings = 0;
  uint64_t replans = 0;
  uint64_t rejoins = 0;  // runs that it went on with
  uint64_t resumes = 0;  // sessions of members that went on over a new connection
  uint64_t steps_down = 0;
};

// How much each table holds, by name: what is about a peer that is gone, or a generation that is
// forgotten, must be in none.
using TableSizes = std::map<std::string, size_t>;

class CoordinatorMachine {
 public:
  CoordinatorMachine(CoordinatorConfig config, Incarnation incarnation);
  ~CoordinatorMachine();
  CoordinatorMachine(const CoordinatorMachine&) = delete;
  CoordinatorMachine& operator=(const CoordinatorMachine&) = delete;

  // `remote` is the address text, for sentences.
  void on_connected(TimePoint now, ConnectionId connection, const std::string& remote);
  void on_message(TimePoint now, ConnectionId connection, wire::ToCoordinator message);
  // Bytes of a message that is not whole yet: the peer lives, and its way is slow.
  void on_bytes(TimePoint now, ConnectionId connection);
  // Bytes that are no message: the connection is told so and closed; the peer becomes suspect.
  void on_garbage(TimePoint now, ConnectionId connection, const Error& error);
  void on_disconnected(TimePoint now, ConnectionId connection, const std::string& reason);
  // There is no place for one more connection: of those that have not registered the oldest is
  // refused, for now. False: all have.
  bool make_room(TimePoint now);
  void tick(TimePoint now);
  TimePoint next_deadline() const;

  CoordinatorOutput take_output();
  CoordinatorStatus status() const;
  TableSizes table_sizes() const;

  struct Parts;  // see parts.h; of no use outside this folder

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace atoll_core::membership
