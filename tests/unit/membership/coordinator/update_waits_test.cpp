// What those who wait in the update barrier are told.
#include <gmock/gmock.h>

#include "base/limits.h"
#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;  // NOLINT: durations

using Told = std::vector<std::vector<std::string>>;

// Peer n is on connection n.
class UpdateWaitsTest : public testing::Test {
 protected:
  explicit UpdateWaitsTest(uint32_t min_replicas = 1) : machine_(config(min_replicas), {1, 42}) {}

  static CoordinatorConfig config(uint32_t min_replicas) {
    CoordinatorConfig config;
    config.min_replicas = min_replicas;
    return config;
  }

  void join(uint64_t number, const wire::PeerInfo& peer) {
    machine_.on_connected(now_, {number}, "somewhere");
    wire::Register hello;
    hello.peer = peer;
    machine_.on_message(now_, {number}, hello);
    take();
  }
  void link(uint64_t one, uint64_t other) {
    say(one, up(other));
    say(other, up(one));
  }
  wire::LinkReport up(uint64_t number) const {
    wire::LinkReport report;
    report.peer = id(number);
    return report;
  }
  PeerId id(uint64_t number) const {
    for (const auto& entry : machine_.status().peers) {
      if (entry.info.session.low == number) return entry.info.id;
    }
    return {};
  }
  void say(uint64_t number, wire::ToCoordinator message) {
    machine_.on_message(now_, {number}, std::move(message));
    take();
  }
  void update(uint64_t number) {
    wire::UpdateRequest request;
    request.epoch = machine_.status().epoch;
    request.number = 0;
    say(number, request);
  }
  // As long as there is something to be told, at each heartbeat.
  void run_for(Duration time) {
    for (const TimePoint end = now_ + time; now_ < end; now_ += 500ms) {
      machine_.tick(now_);
      take();
      for (uint64_t number = 1; number < 10; ++number) {
        machine_.on_message(now_, {number}, wire::PeerHeartbeat{});
      }
    }
  }
  // Since the last call.
  Told told(uint64_t number) { return std::exchange(told_[number], {}); }

  TimePoint now_{1s};
  CoordinatorMachine machine_;

 private:
  void take() {
    for (auto& item : machine_.take_output().items) {
      auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send == nullptr) continue;
      const auto* waits = std::get_if<wire::UpdateWaits>(&send->message);
      if (waits != nullptr) told_[send->connection.value].push_back(waits->reasons);
    }
  }

  std::map<uint64_t, Told> told_;
};

class ThreeMembers : public UpdateWaitsTest {
 protected:
  ThreeMembers() : UpdateWaitsTest(3) {
    for (uint64_t number : {1, 2, 3}) {
      join(number, info(number, std::string(1, static_cast<char>('a' + number - 1))));
    }
    link(1, 2);
    link(1, 3);
    link(2, 3);
    for (uint64_t number : {1, 2, 3}) say(number, wire::UpdateRequest{});
  }
};

TEST_F(ThreeMembers, WhoAsksIsToldWhoHasNotCalled) {
  update(1);
  EXPECT_THAT(told(1), IsEmpty()) << "it has not asked";
  say(1, wire::UpdateWaiting{});
  EXPECT_THAT(told(1), ElementsAre(ElementsAre("b, c have not called atollUpdate")));
}

TEST_F(ThreeMembers, OnlyChangesAreTold) {
  update(1);
  say(1, wire::UpdateWaiting{});
  told(1);
  run_for(3s);
  EXPECT_THAT(told(1), IsEmpty());
  update(3);
  run_for(3s);
  EXPECT_THAT(told(1), ElementsAre(ElementsAre("b has not called atollUpdate")));
  EXPECT_THAT(told(3), IsEmpty()) << "it has not asked";
}

TEST_F(ThreeMembers, NothingIsToldWhenTheUpdateIsOver) {
  update(1);
  say(1, wire::UpdateWaiting{});
  update(2);
  update(3);
  told(1);
  say(1, wire::UpdateWaiting{});
  run_for(3s);
  EXPECT_THAT(told(1), IsEmpty());
  // The next update is another one, of which nobody has asked.
  wire::UpdateRequest next;
  next.epoch = machine_.status().epoch;
  next.number = 1;
  say(1, next);
  run_for(3s);
  EXPECT_THAT(told(1), IsEmpty());
}

TEST_F(ThreeMembers, AMemberWithoutConnectionIsNamedWithTheReason) {
  update(1);
  update(3);
  machine_.on_disconnected(now_, {2}, "reset by peer");
  say(1, wire::UpdateWaiting{});
  const Told sentences = told(1);
  ASSERT_THAT(sentences, SizeIs(1));
  EXPECT_THAT(sentences[0], Contains(testing::AllOf(HasSubstr("b has no connection"),
                                                    HasSubstr("reset by peer"))));
}

TEST_F(ThreeMembers, ANewcomerIsToldWhatKeepsItOut) {
  join(4, info(4, "d"));
  say(4, wire::UpdateRequest{});
  link(4, 1);
  say(4, wire::UpdateWaiting{});
  EXPECT_THAT(told(4), ElementsAre(ElementsAre("d is not linked with b, c",
                                               "a, b, c have not called atollUpdate")));
}

TEST_F(ThreeMembers, ALongListIsCut) {
  for (uint64_t number = 10; number < 40; ++number) {
    join(number, info(number, fmt::format("newcomer-{}", number), 0, "island", 40));
  }
  say(10, wire::UpdateRequest{});
  say(10, wire::UpdateWaiting{});
  const Told sentences = told(10);
  ASSERT_THAT(sentences, SizeIs(1));
  EXPECT_LE(sentences[0].size(), limits::kWaitsPerUpdate);
  for (const std::string& sentence : sentences[0]) {
    EXPECT_LE(sentence.size(), limits::kSentenceBytes);
  }
}

class TwoAreNeeded : public UpdateWaitsTest {
 protected:
  TwoAreNeeded() : UpdateWaitsTest(2) {}
};

TEST_F(TwoAreNeeded, BeforeTheFirstViewItIsTheNumberOfReplicas) {
  join(1, info(1, "a"));
  say(1, wire::UpdateRequest{});
  say(1, wire::UpdateWaiting{});
  EXPECT_THAT(told(1), ElementsAre(Contains(HasSubstr("begins with 2 replicas"))));
  join(2, info(2, "b"));
  run_for(1s);
  const Told sentences = told(1);
  ASSERT_FALSE(sentences.empty());
  EXPECT_THAT(sentences.back(), Contains("a is not linked with b"));
  EXPECT_THAT(sentences.back(), Contains("r-b waits for b to call atollUpdate"));
}

}  // namespace
}  // namespace atoll_core::membership
