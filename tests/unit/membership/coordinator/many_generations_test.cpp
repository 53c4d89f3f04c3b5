// Generations begin without a death between them until the oldest are forgotten.
#include <gtest/gtest.h>

#include "membership/common/generation_table.h"
#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using namespace std::chrono_literals;  // NOLINT: durations

class ManyAdmissions : public testing::Test {
 protected:
  static PeerId id(uint64_t peer) { return {(uint64_t{1} << 32) | peer}; }

  void say(uint64_t connection, wire::ToCoordinator message) {
    machine_.on_message(now_, {connection}, std::move(message));
  }
  // A newcomer that all members have links with, and that their next update lets in.
  void admit(uint64_t peer) {
    machine_.on_connected(now_, {peer}, "somewhere");
    wire::Register hello;
    hello.peer = info(peer, fmt::format("p{}", peer));
    say(peer, hello);
    for (uint64_t member = 1; member < peer; ++member) {
      say(peer, wire::LinkReport{id(member), wire::LinkState::kUp, "", 0});
      say(member, wire::LinkReport{id(peer), wire::LinkState::kUp, "", 0});
    }
    say(peer, wire::UpdateRequest{});
    const Epoch epoch = machine_.status().epoch;
    for (uint64_t member = 1; member < peer; ++member) {
      say(member, wire::UpdateRequest{epoch, 0, {}, {}, false});
    }
    machine_.take_output();
    ASSERT_EQ(machine_.status().epoch.number, peer);
  }

  TimePoint now_{1s};
  CoordinatorMachine machine_{{}, {1, 42}};
};

// Somebody said once that it waits, and nobody has spoken of that call since.
TEST_F(ManyAdmissions, ADeathAfterThemFindsACallOfAForgottenGeneration) {
  ASSERT_NO_FATAL_FAILURE(admit(1));
  wire::OpWaiting waiting;
  waiting.op = {machine_.status().generation, kGroupAll, 7, 0};
  waiting.epoch = machine_.status().epoch;
  waiting.call.kind = wire::OpKind::kBarrier;
  say(1, waiting);
  uint64_t peers = 1;
  while (peers < kGenerationsKept + 2) {
    ASSERT_NO_FATAL_FAILURE(admit(++peers));
  }
  say(peers, wire::Leave{"enough"});
  uint64_t round = 0;
  for (auto& item : machine_.take_output().items) {
    auto* send = std::get_if<CoordinatorOutput::Send>(&item);
    auto* freeze = send == nullptr ? nullptr : std::get_if<wire::Freeze>(&send->message);
    if (freeze != nullptr) round = freeze->round;
  }
  ASSERT_GT(round, 0u);
  for (uint64_t member = 1; member < peers; ++member) say(member, wire::SettleReport{round, {}});
  machine_.take_output();
  EXPECT_EQ(machine_.status().epoch.number, peers + 1) << "the round has ended";
}

}  // namespace
}  // namespace atoll_core::membership
