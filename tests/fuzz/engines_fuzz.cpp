// Real engines that are lied to by the coordinator and by each other: see engine_stage.h. An input
// is a series of choices; without any, all is well and the run goes on.
#include <array>
#include <cstdint>

#include "engine/call_blocks.h"
#include "fuzz/engine_stage.h"

namespace {

using namespace atoll_core;
using namespace atoll_core::fuzz;
using std::chrono::milliseconds;
using wire::OpKind;

constexpr size_t kPeers = EngineStage::kPeers;

class Play {
 public:
  Play(const uint8_t* data, size_t size)
      : choices_(data, size), stage_(static_cast<uint32_t>(1 + choices_.below(2))) {}

  void play() {
    begin();
    constexpr int kEventsMax = 60;
    for (int i = 0; i < kEventsMax && !choices_.over(); ++i) {
      happen();
      if (!choices_.rarely()) stage_.run();
    }
    stage_.run();
    stage_.finish();
  }

 private:
  // Mostly a run that has begun; its last peer may come later.
  void begin() {
    const size_t peers = kPeers - choices_.below(2);
    if (choices_.rarely()) return;
    for (size_t peer = 0; peer < peers; ++peer) stage_.connect(peer);
    stage_.run();
    update_all(false);
  }

  void happen() {
    const size_t peer = choices_.below(kPeers);
    switch (choices_.below(18)) {
      case 0:
      case 1: return call_all();
      case 2: return sync_all();
      case 3: return update_all(choices_.coin());
      case 4: return stage_.lie_down(peer, some_distortions(choices_), choices_.coin());
      case 5: return stage_.say_again(peer, some_distortions(choices_), choices_.coin());
      case 6:
      case 7: return stage_.lie_across(peer, another(peer), some_frame_lies(choices_));
      case 8:
      case 9: return stage_.make_up(peer, another(peer), some_frame_lies(choices_));
      case 10: return stage_.pass(some_time());
      case 11: return stage_.cut(choices_.byte());
      case 12: return stage_.lose_control(peer, choices_.rarely());
      case 13: return stage_.connect(peer);
      case 14: return stage_.stranger(peer, some_hello(peer));
      case 15: return stage_.next_dial(peer, some_result());
      case 16: return stage_.cancel(peer);
      default: return seldom(peer);
    }
  }

  void seldom(size_t peer) {
    switch (choices_.below(6)) {
      case 0: return stage_.restart_coordinator(static_cast<uint32_t>(choices_.below(3)));
      case 1: return stage_.leave(peer, choices_.coin());
      case 2: return stage_.kill(peer);
      case 3: return stage_.jump(std::chrono::minutes(11));
      case 4: return stage_.update(peer, choices_.coin());
      default: return stage_.bad_bytes(peer, std::string(1 + choices_.below(8), '\xFF'));
    }
  }

  size_t another(size_t peer) { return (peer + 1 + choices_.below(kPeers - 1)) % kPeers; }

  Duration some_time() {
    constexpr std::array<int64_t, 6> kTimes = {300, 6, 20, 700, 4000, 12000};
    return milliseconds(kTimes[choices_.below(kTimes.size())]);
  }

  wire::Hello some_hello(size_t peer) {
    wire::Hello hello;
    const size_t from = another(peer);
    hello.session = {7, choices_.rarely() ? choices_.number() : from + 1};
    hello.peer = stage_.id_of(from);
    hello.target_session = {7, choices_.rarely() ? choices_.number() : peer + 1};
    hello.target_peer = stage_.id_of(peer);
    hello.run = choices_.rarely() ? choices_.number() : wire::hash_run_id("run");
    hello.role = choices_.rarely() ? wire::HelloRole::kProbe : wire::HelloRole::kLink;
    hello.connection_index = static_cast<uint8_t>(choices_.below(64));
    hello.connection_count = static_cast<uint16_t>(1 + choices_.below(64));
    hello.life = 1;
    if (choices_.rarely()) {
      hello.peer = {choices_.number()};
      hello.life = hello.peer.value % 4;
    }
    return hello;
  }

  engine::DialResult some_result() {
    engine::DialResult result;
    const size_t kind = choices_.below(3);
    result.reason = "because";
    result.refused = kind == 0;
    if (result.refused) result.refused_at = {"10.0.0.1:1"};
    result.answered = kind == 1;
    result.rtt_us = choices_.number() >> 40;
    return result;
  }

  void update_all(bool follow) {
    for (size_t peer = 0; peer < kPeers; ++peer) stage_.update(peer, follow);
    stage_.run();
    stage_.pass(milliseconds(20));
  }

  // All make the same call; one of them perhaps another one, or none.
  void call_all() {
    engine::CollectiveCall call;
    const uint8_t kind = choices_.byte();
    call.kind = static_cast<OpKind>(kind % (static_cast<size_t>(wire::kLastOpKind) + 1));
    if (call.kind == OpKind::kSync) call.kind = OpKind::kAllReduce;
    constexpr std::array<uint64_t, 6> kCounts = {4, 20000, 0, 700, 70000, 270000};
    EngineStage::Tensors tensors{kCounts[choices_.below(kCounts.size())], 1 + choices_.below(2),
                                 choices_.coin()};
    call.options.group = choices_.any_up_to(engine::CallGroup::kShardAlone);
    call.options.tag = choices_.below(2);
    call.options.algorithm = static_cast<uint32_t>(choices_.below(5));
    call.options.keep = call.kind == OpKind::kAllReduce && choices_.rarely();
    call.options.retry = !choices_.rarely();
    if (choices_.rarely()) call.options.deadline = milliseconds(500);
    if (choices_.rarely()) call.reduce = ReduceOp::kAvg;
    const size_t differs = choices_.below(8);
    if (call.kind == OpKind::kBarrier) tensors = {0, 0, false};
    const size_t root = choices_.below(kPeers);
    for (size_t peer = 0; peer < kPeers; ++peer) {
      if (!stage_.in_run(peer) || peer == differs) continue;
      engine::CollectiveCall own = call;
      EngineStage::Tensors of_own = tensors;
      if (peer + 4 == differs) ++of_own.count;
      if (complete(peer, root, own)) stage_.collective(peer, std::move(own), of_own);
    }
    stage_.run();
  }

  // What depends on the view of who calls.
  bool complete(size_t peer, size_t root, engine::CollectiveCall& call) {
    const wire::View& view = *stage_.engine(peer).view();
    const auto& members = view.members;
    if (wire::has_root(call.kind)) call.root = members[root % members.size()].id;
    if (call.kind == OpKind::kSend) {
      call.receiver = members[(root + 1) % members.size()].id;
      const PeerId self = stage_.engine(peer).self().id;
      if (self != call.root && self != call.receiver) return false;
    }
    if (wire::has_blocks(call.kind)) {
      call.owners = engine::CallNames::owners(view, stage_.engine(peer).self(),
                                              call.options.group);
    }
    return true;
  }

  void sync_all() {
    const uint64_t revision = choices_.below(4);
    const auto strategy = choices_.rarely()
                              ? choices_.any_up_to(wire::SyncStrategy::kReceiveOnly)
                              : wire::SyncStrategy::kPopular;
    const size_t ahead = choices_.below(kPeers + 1);
    for (size_t peer = 0; peer < kPeers; ++peer) {
      if (!stage_.in_run(peer)) continue;
      stage_.sync(peer, revision + (peer == ahead ? 1 : 0), strategy);
    }
    stage_.run();
  }

  Choices choices_;
  EngineStage stage_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Play(data, size).play();
  return 0;
}
