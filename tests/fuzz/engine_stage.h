// A few real engines and the real coordinator machine, with the fuzzer between them: what one says
// to another may be changed, repeated or made up on its way, connections break, time passes. Each
// engine is so the honest peer of liars.
//
// Found fault with: crashes, broken invariants, calls that end twice or never, messages and frames
// that cannot be read, deadlines that do not move on, and talk that does not come to rest.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "fuzz/choices.h"
#include "fuzz/distort.h"
#include "fuzz/frame_lies.h"
#include "membership/coordinator/coordinator_machine.h"
#include "state/publication.h"
#include "state/state_table.h"

namespace atoll_core::fuzz {

class EngineStage {
 public:
  static constexpr size_t kPeers = 3;

  explicit EngineStage(uint32_t connections);
  ~EngineStage();

  // ---- what callers do
  void connect(size_t peer);
  void update(size_t peer, bool follow);
  // `call` says all but the memory, which is this stage's until the call has ended.
  struct Tensors { uint64_t count = 0; size_t how_many = 1; bool in_place = false; };
  void collective(size_t peer, engine::CollectiveCall call, const Tensors& tensors);
  void sync(size_t peer, uint64_t revision, wire::SyncStrategy strategy);
  void cancel(size_t peer);
  void leave(size_t peer, bool at_once);
  bool in_run(size_t peer) const;
  engine::Engine& engine(size_t peer) { return *peers_[peer].engine; }
  PeerId id_of(size_t peer) const {
    const auto& engine = peers_[peer].engine;
    return engine == nullptr ? PeerId{} : engine->self().id;
  }

  // ---- what goes wrong
  void lie_down(size_t peer, std::vector<Distortion> lies, bool true_digest);
  void say_again(size_t peer, const std::vector<Distortion>& lies, bool true_digest);
  void lie_across(size_t from, size_t to, std::vector<FrameLie> lies);
  void make_up(size_t from, size_t to, const std::vector<FrameLie>& lies);
  void cut(size_t which);
  void lose_control(size_t peer, bool dials_fail);
  void restart_coordinator(uint32_t counter);
  void stranger(size_t peer, const wire::Hello& hello);
  void next_dial(size_t peer, const engine::DialResult& result);
  void bad_bytes(size_t peer, const std::string& bytes);
  void kill(size_t peer);

  void pass(Duration time);
  void jump(Duration time);
  void run();  // until nobody has anything to say
  // Nobody speaks any more: after a while all calls have ended.
  void finish();

 private:
  struct Call {
    std::vector<ByteBuffer> memory;
  };
  struct End {
    uint64_t pipe = 0;
    size_t side = 0;
  };
  struct Peer {
    std::unique_ptr<engine::Engine> engine;
    wire::PeerInfo info;
    uint64_t control = 0;  // connection; 0: none
    bool dials_fail = false;
    wire::ControlFramer up;
    std::map<engine::CallId, Call> calls;
    engine::CallId next_call = 1;
    std::vector<Distortion> lies;
    bool true_digest = false;
    std::string last_down;
    std::map<link::ConnectionKey, End> ends;
    link::ConnectionKey next_key = 1;
    std::optional<engine::DialResult> next_dial;
    std::vector<ByteBuffer> state_memory;
    std::unique_ptr<state::StateTable> table;
    std::shared_ptr<state::Publication> publication;
  };
  struct Side {
    size_t peer = kPeers;  // kPeers: a stranger
    link::ConnectionKey key = 0;
    bool started = false;
    std::string written;  // less than a frame
  };
  using Pipe = std::array<Side, 2>;
  // From one peer to another, over all connections of their link.
  struct Way {
    std::vector<FrameLie> lies;
    Frame last;
    uint64_t sequence = 0;  // the last
    uint64_t added = 0;     // frames that the sender knows nothing of
  };
  struct Down {
    size_t peer;
    uint64_t connection;
    std::string message;
  };
  struct Dial {
    size_t peer;
    engine::output::Dial request;
  };

  void make(size_t peer);
  engine::CallId new_call(size_t peer);
  void carry_out(size_t peer);
  void carry_out(size_t peer, engine::EngineOutput& item);
  void heard_from(size_t peer, const std::string& bytes);
  void drain_coordinator();
  void deliver_down(const Down& down);
  std::string lied(size_t peer, const std::string& message, const std::vector<Distortion>& lies,
                   bool true_digest);
  void make_digest_true(size_t peer, std::string& message) const;
  void open_control(size_t peer);
  void close_control(size_t peer);
  void answer(const Dial& dial);
  void close(size_t peer, link::ConnectionKey key, const std::string& reason);
  bool move_frames();
  bool move_from(uint64_t pipe, size_t side);
  std::string altered(size_t from, size_t to, Frame frame);
  void deliver(uint64_t pipe, size_t side, const std::string& bytes);
  void break_off(uint64_t pipe, const std::string& reason);
  TimePoint next_deadline() const;
  void tick();

  uint32_t connections_;
  TimePoint now_{std::chrono::hours(1)};
  std::unique_ptr<membership::CoordinatorMachine> coordinator_;
  std::array<Peer, kPeers> peers_;
  uint64_t last_connection_ = 0;
  std::map<uint64_t, Pipe> pipes_;
  uint64_t last_pipe_ = 0;
  std::map<std::pair<size_t, size_t>, Way> ways_;
  std::deque<Down> downs_;
  std::deque<Dial> dials_;
  std::deque<size_t> opening_;
  KnownNumbers known_;
  bool finishing_ = false;
};

}  // namespace atoll_core::fuzz
