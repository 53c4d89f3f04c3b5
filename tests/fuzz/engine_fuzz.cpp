// What a coordinator and other peers may say, in any order, to the real engine of one peer: control
// messages, connections, and frames, right ones and lies; between them calls of the application,
// and time. Looked for are crashes, broken invariants, hangs, calls that end twice or never, use of
// memory whose call has ended, and messages that no coordinator could read.
//
// An input is a series of choices (choices.h) of what happens next. Those around the engine are in
// played_coordinator.h, played_peers.h and application.h.
#include <optional>
#include <variant>
#include <vector>

#include "fuzz/fuzz_check.h"
#include "fuzz/one_engine.h"
#include "fuzz/played_coordinator.h"
#include "fuzz/played_peers.h"

namespace atoll_core::fuzz {
namespace {

using std::chrono::milliseconds;
namespace output = engine::output;

class Stage {
 public:
  Stage(const uint8_t* data, size_t size) : one_(data, size) {
    (void)one_.begin_call();
    one_.engine.connect(one_.now, one_.last_call);
    drain();
  }

  void play() {
    if (!one_.choices.rarely()) come_in();
    constexpr size_t kEventsMax = 300;
    for (size_t i = 0; i < kEventsMax && !one_.choices.over(); ++i) {
      happen();
      drain();
      (void)one_.engine.report(one_.now);
    }
    one_.engine.abort(one_.now, {ErrorCode::kNotConnected, "the input is over"});
    drain();
    FUZZ_CHECK(one_.engine.left());
    FUZZ_CHECK(one_.calls.empty());
  }

 private:
  void happen() {
    switch (one_.choices.below(20)) {
      case 0: return coordinator_.connect();
      case 1: return coordinator_.roster();
      case 2: return coordinator_.admit();
      case 3: return peers_.accept(one_.choices.coin());
      case 4: return peers_.answer_dial();
      case 5: return lie();
      case 6: case 7: case 8: return collective();
      case 9: return sync();
      case 10: return update();
      case 11: return interfere();
      case 12: return settle();
      case 13: return pass();
      case 14: case 15: return mirror();
      case 16: case 17: return coordinator_.verdict();
      default: return coordinator_.anything();
    }
  }

  // A member with links to all others: where most of what matters begins.
  void come_in() {
    coordinator_.connect();
    drain();
    coordinator_.roster();
    for (size_t i = 1; i < OneEngine::kPeers; ++i) {
      peers_.accept_of(i);
      drain();
    }
    update();
    drain();
    coordinator_.admit();
    drain();
  }

  // ---- what takes several steps

  void settle() {
    coordinator_.freeze();
    drain();
    coordinator_.settle();
  }

  void mirror() {
    const auto key = peers_.some_connection();
    if (!key || !peers_.is_started(*key)) return;
    const bool all = !one_.choices.rarely();
    for (size_t i = 0; i < OtherEnd::kFramesKept && peers_.mirror_one(*key); ++i) {
      drain();
      if (!all || !peers_.is_started(*key)) return;
    }
  }

  void lie() {
    const auto key = peers_.some_connection();
    if (key && peers_.is_started(*key)) peers_.lie(*key);
  }

  // ---- the application

  void collective() {
    constexpr size_t kCallsMax = 16;
    if (one_.calls.size() >= kCallsMax) return;
    CallMemory& memory = one_.begin_call();
    one_.engine.collective(one_.now, one_.last_call, one_.application.collective(memory));
  }

  void sync() {
    CallMemory& memory = one_.begin_call();
    one_.engine.sync(one_.now, one_.last_call, one_.application.sync(memory));
  }

  void update() {
    CallMemory& memory = one_.begin_call();
    one_.engine.update(one_.now, one_.last_call, one_.application.follow(memory));
  }

  void interfere() {
    const auto key = peers_.some_connection();
    switch (one_.choices.below(8)) {
      case 0: case 1: return one_.engine.cancel(one_.now, one_.last_call - one_.choices.below(4));
      case 2: case 3: return coordinator_.fail();
      case 4: {
        if (key) peers_.reset(*key);
        return;
      }
      case 5: {
        const auto port = static_cast<uint16_t>(1 + one_.choices.below(3));
        return one_.engine.set_endpoints(one_.now, {{"10.0.0.7", port}});
      }
      case 6: return one_.engine.note_rate(one_.words.peer(), one_.choices.number());
      default:
        if (one_.choices.coin()) return;
        return one_.engine.leave(one_.now, {ErrorCode::kNotConnected, "it leaves"});
    }
  }

  // ---- time

  void pass() {
    constexpr std::array<int64_t, 7> kSteps = {30, 1, 500, 1500, 4000, 35000, 700000};
    one_.now += milliseconds(kSteps[one_.choices.below(kSteps.size())]);
    constexpr int kTicksMax = 16;
    for (int ticks = 0; one_.engine.next_deadline() <= one_.now; ++ticks) {
      FUZZ_CHECK(ticks < kTicksMax);
      one_.engine.tick(one_.now);
      drain();
    }
  }

  // ---- what the engine does

  void drain() {
    constexpr int kTurnsMax = 64;
    for (int turn = 0; turn < kTurnsMax; ++turn) {
      std::vector<engine::EngineOutput> outputs;
      one_.engine.take_outputs(outputs);
      constexpr size_t kItemsMax = 8192;
      FUZZ_CHECK(outputs.size() < kItemsMax);
      for (engine::EngineOutput& item : outputs) {
        std::visit([this](auto& typed) { carry_out(typed); }, item);
      }
      const bool wrote = peers_.take_written();
      const bool answered = coordinator_.answer();
      if (outputs.empty() && !answered && !wrote) return;
    }
  }

  template <class Other>
  void carry_out(Other&) {}
  void carry_out(output::OpenControl&) { coordinator_.dialled(); }
  void carry_out(output::CloseControl&) { coordinator_.closed(); }
  void carry_out(output::SendControl& send) { coordinator_.hear(send.bytes); }
  void carry_out(output::Dial& dial) { peers_.dialled(dial); }
  void carry_out(output::StartConnection& start) { peers_.started(start.key); }
  void carry_out(output::CloseConnection& close) { peers_.closed(close.key); }
  void carry_out(engine::CallEnded& ended) { FUZZ_CHECK(one_.calls.erase(ended.call) == 1); }

  OneEngine one_;
  PlayedCoordinator coordinator_{one_};
  PlayedPeers peers_{one_};
};

}  // namespace
}  // namespace atoll_core::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atoll_core::fuzz::Stage(data, size).play();
  return 0;
}
