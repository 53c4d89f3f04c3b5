// What the coordinator makes of measurements, and when it makes a new plan of them.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "membership/common/view_delta.h"
#include "membership/coordinator/coordinator_machine.h"
#include "membership/coordinator/measured_network.h"
#include "topology/planner.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using topology::Plan;

std::string name_of(uint64_t number) { return "peer-" + std::to_string(number); }

std::vector<wire::PeerInfo> infos(uint64_t count) {
  std::vector<wire::PeerInfo> members;
  for (uint64_t i = 1; i <= count; ++i) members.push_back(info(i, name_of(i)));
  return members;
}

LinkMatrix all_linked(uint64_t count) {
  LinkMatrix links;
  for (uint64_t i = 1; i <= count; ++i) {
    for (uint64_t k = 1; k <= count; ++k) links.report({i}, {k}, wire::LinkState::kUp);
  }
  return links;
}

// In the ring of this plan.
bool neighbours(const Plan& plan, uint32_t one, uint32_t other) {
  for (size_t i = 0; i < plan.ring.size(); ++i) {
    const uint32_t a = plan.ring[i];
    const uint32_t b = plan.ring[(i + 1) % plan.ring.size()];
    if ((a == one && b == other) || (a == other && b == one)) return true;
  }
  return false;
}

TEST(MeasuredNetwork, WhoKnowsNothingPlansForTheNumberOfMembers) {
  MeasuredNetwork network;
  network.report_round_trip({1}, {2}, 0);
  EXPECT_EQ(network.plan(infos(4), all_linked(4)), topology::make_plan(4));
  network.report_round_trip({1}, {9}, 500);  // of somebody else
  EXPECT_EQ(network.plan(infos(4), all_linked(4)), topology::make_plan(4));
}

TEST(MeasuredNetwork, TheLeastRoundTripCountsBothWaysInHalf) {
  MeasuredNetwork network;
  network.report_round_trip({2}, {1}, 70'000);
  network.report_round_trip({1}, {2}, 40'000);
  network.report_round_trip({2}, {1}, 60'000);
  network.report_rates({1}, {{{{2}, 5'000'000}}, 8'000'000});
  const topology::Measurements matrix = network.between(infos(3), all_linked(3));
  EXPECT_EQ(matrix.pair(0, 1).latency_ns, matrix.pair(1, 0).latency_ns);
  EXPECT_NEAR(static_cast<double>(*matrix.pair(0, 1).latency_ns), 20e6, 2.5e6);
  EXPECT_FALSE(matrix.pair(0, 2).latency_ns);
  EXPECT_EQ(matrix.pair(0, 1).bytes_per_second, 5'000'000u);
  EXPECT_FALSE(matrix.pair(1, 0).bytes_per_second);
  EXPECT_EQ(matrix.host(0).egress_bytes_per_second, 8'000'000u);
  network.forget({2});
  EXPECT_FALSE(network.between(infos(3), all_linked(3)).pair(0, 1).latency_ns);
  EXPECT_FALSE(network.between(infos(3), all_linked(3)).pair(0, 1).bytes_per_second);
}

// All had sent to all: what each of them sent the others have received.
TEST(MeasuredNetwork, AHostReceivesWhatItSendsAndSendsWhatAPairCarries) {
  MeasuredNetwork network;
  network.report_rates({1}, {{{{2}, 10'000'000}}, 25'000'000});
  network.report_rates({2}, {{{{3}, 30'000'000}}, 25'000'000});  // one pair was slow
  const topology::Measurements matrix = network.between(infos(3), all_linked(3));
  EXPECT_EQ(matrix.host(0).egress_bytes_per_second, 25'000'000u);
  EXPECT_EQ(matrix.host(0).ingress_bytes_per_second, 25'000'000u);
  EXPECT_EQ(matrix.host(1).egress_bytes_per_second, 30'000'000u);
  EXPECT_FALSE(matrix.host(2).egress_bytes_per_second);
  EXPECT_FALSE(matrix.host(2).ingress_bytes_per_second);
}

// Where pairs are what is slow, and not hosts, a mesh has three of them to each host.
TEST(MeasuredNetwork, PlansAMeshWhereEachPairHasALineOfItsOwn) {
  for (const bool of_the_pair : {true, false}) {
    MeasuredNetwork network;
    for (uint64_t i = 1; i <= 4; ++i) {
      wire::Measured rates;
      for (uint64_t k = 1; k <= 4; ++k) {
        if (k == i) continue;
        rates.paths.push_back({{k}, 10'000'000});
        network.report_round_trip({i}, {k}, 80'000);
      }
      rates.egress_bytes_per_second = of_the_pair ? 28'000'000 : 10'000'000;
      network.report_rates({i}, rates);
    }
    const Plan plan = network.plan(infos(4), all_linked(4));
    EXPECT_EQ(topology::choose(plan, 256u << 20),
              of_the_pair ? topology::Algorithm::kMesh : topology::Algorithm::kRing);
  }
}

TEST(MeasuredNetwork, OneComputerIsPlannedAlikeWhateverItsThreadsDo) {
  std::optional<Plan> first;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    MeasuredNetwork network;
    for (uint64_t i = 1; i <= 5; ++i) {
      for (uint64_t k = 1; k < i; ++k) network.report_round_trip({i}, {k}, 15 + seed * i * k % 180);
    }
    const Plan plan = network.plan(infos(5), all_linked(5));
    EXPECT_EQ(plan.ring, topology::make_plan(5).ring);
    if (!first) first = plan;
    EXPECT_EQ(plan, *first);
  }
}

TEST(MeasuredNetwork, APairWithoutALinkIsPlannedAround) {
  MeasuredNetwork network;
  for (uint64_t i = 2; i <= 4; ++i) network.report_round_trip({i}, {1}, 1000);
  wire::View view = first_view(1, infos(4));
  LinkMatrix links = all_linked(4);
  view.plan = network.plan(view.members, links);
  ASSERT_TRUE(neighbours(view.plan, 0, 1));
  links.report({1}, {2}, wire::LinkState::kUnreachable);
  network.changed();
  const auto plan = network.better_plan(view, links);
  ASSERT_TRUE(plan);
  EXPECT_FALSE(neighbours(*plan, 0, 1));
  EXPECT_TRUE(topology::can_work(network.between(view.members, links), *plan));
}

// A coordinator with members that speak by hand; connection and peer i are one.
class Replanning : public testing::Test {
 protected:
  void start(uint64_t peers, uint64_t rtt_us = 20'000) {
    config_.min_replicas = static_cast<uint32_t>(peers);
    machine_ = std::make_unique<CoordinatorMachine>(config_, Incarnation{1, 42});
    for (uint64_t i = 1; i <= peers; ++i) {
      machine_->on_connected(now_, {i}, "somewhere");
      wire::Register hello;
      hello.peer = info(0, name_of(i));
      hello.peer.session = {77, i};
      machine_->on_message(now_, {i}, hello);
    }
    ids_ = ids_of_registered();
    for (uint64_t i = 0; i < peers; ++i) {
      for (uint64_t k = 0; k < peers; ++k) {
        if (i != k) say(i, wire::LinkReport{ids_[k], wire::LinkState::kUp, "", i > k ? rtt_us : 0});
      }
    }
    update();
  }

  std::vector<PeerId> ids_of_registered() {
    std::vector<PeerId> ids;
    for (const auto& item : machine_->take_output().items) {
      const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send == nullptr) continue;
      const auto* done = std::get_if<wire::Registered>(&send->message);
      if (done != nullptr) ids.push_back(done->peer);
    }
    return ids;
  }

  template <class Message>
  void say(uint64_t index, const Message& message) {
    machine_->on_message(now_, {index + 1}, message);
  }

  // All go through the barrier; what each was answered.
  std::vector<wire::Updated> update() {
    machine_->take_output();
    for (uint64_t i = 0; i < ids_.size(); ++i) {
      wire::UpdateRequest request;
      if (!views_.empty()) {
        request.epoch = views_.back().epoch;
        request.number = updates_;
      }
      say(i, request);
    }
    std::vector<wire::Updated> answers;
    for (const auto& item : machine_->take_output().items) {
      const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send == nullptr) continue;
      if (const auto* done = std::get_if<wire::Updated>(&send->message)) answers.push_back(*done);
    }
    EXPECT_EQ(answers.size(), ids_.size());
    if (answers.empty()) return answers;
    ++updates_;
    if (!answers[0].delta) return answers;
    const wire::View* base = views_.empty() ? nullptr : &views_.back();
    auto next = apply_delta(base, *answers[0].delta);
    EXPECT_TRUE(next) << next.error().message;
    if (next) views_.push_back(std::move(*next));
    updates_ = 0;
    return answers;
  }

  // The ring's pairs carry so much, but for one.
  void measure(uint64_t slow_from, uint64_t slow_to, uint64_t slow, uint64_t others) {
    for (uint64_t i = 0; i < ids_.size(); ++i) {
      wire::Measured measured;
      for (uint64_t k = 0; k < ids_.size(); ++k) {
        if (i == k) continue;
        const bool here = std::minmax(i, k) == std::minmax(slow_from, slow_to);
        measured.paths.push_back({ids_[k], here ? slow : others + 1000 * i});
      }
      say(i, measured);
    }
  }

  TimePoint now_{std::chrono::seconds(1)};
  CoordinatorConfig config_;
  std::unique_ptr<CoordinatorMachine> machine_;
  std::vector<PeerId> ids_;
  std::vector<wire::View> views_;
  uint64_t updates_ = 0;
};

TEST_F(Replanning, AMeasuredMatrixBringsANewGenerationOfTheSameMembers) {
  start(4);
  ASSERT_EQ(views_.size(), 1u);
  const wire::View first = views_[0];
  EXPECT_EQ(first.plan.ring, topology::make_plan(4).ring);
  measure(0, 1, 1'000'000, 20'000'000);
  const auto answers = update();
  ASSERT_EQ(views_.size(), 2u);
  for (const wire::Updated& answer : answers) {
    EXPECT_EQ(answer, answers[0]);
    EXPECT_TRUE(answer.delta->added.empty());
    EXPECT_TRUE(answer.delta->removed.empty());
  }
  const wire::View& second = views_[1];
  EXPECT_EQ(second.members, first.members);
  EXPECT_GT(second.epoch, first.epoch);
  EXPECT_EQ(second.generation.first, second.epoch);
  EXPECT_FALSE(neighbours(second.plan, 0, 1));
  EXPECT_EQ(machine_->status().replans, 1u);
  EXPECT_EQ(machine_->status().admissions, 4u);
}

TEST_F(Replanning, NothingNewOrNothingToGainChangesNothing) {
  start(4);
  for (int round = 0; round < 3; ++round) EXPECT_FALSE(update()[0].delta);
  measure(0, 1, 1'000'000, 20'000'000);
  EXPECT_TRUE(update()[0].delta);
  for (uint64_t round = 0; round < 20; ++round) {
    // The same but for noise of some percent.
    measure(0, 1, 1'000'000 + 7'000 * (round % 5), 20'000'000 + 170'000 * (round % 7));
    EXPECT_FALSE(update()[0].delta) << round;
  }
  EXPECT_EQ(machine_->status().replans, 1u);
}

TEST_F(Replanning, AnotherGenerationCountsItsUpdatesAnew) {
  start(3);
  EXPECT_FALSE(update()[0].delta);
  measure(0, 1, 100'000, 20'000'000);
  update();
  // Members that stand at call 0 of the new generation, as after an admission.
  EXPECT_FALSE(update()[0].delta);
  EXPECT_FALSE(update()[0].delta);
}

TEST_F(Replanning, WhoMissedTheNewGenerationIsToldByTheSettleRound) {
  start(3);
  const Epoch old = views_.back().epoch;
  measure(0, 1, 100'000, 20'000'000);
  update();
  ASSERT_EQ(views_.size(), 2u);
  // It comes back with the old view and asks again.
  machine_->on_disconnected(now_, {3}, "reset");
  machine_->on_connected(now_, {9}, "somewhere");
  wire::Register hello;
  hello.peer = info(ids_[2].value, "c");
  hello.peer.session = {77, 3};
  machine_->on_message(now_, {9}, hello);
  wire::UpdateRequest request;
  request.epoch = old;
  machine_->on_message(now_, {9}, request);
  uint64_t round = 0;
  for (const auto& item : machine_->take_output().items) {
    const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
    if (send == nullptr) continue;
    if (const auto* freeze = std::get_if<wire::Freeze>(&send->message)) round = freeze->round;
  }
  ASSERT_GT(round, 0u);
  say(0, wire::SettleReport{round, {}});
  say(1, wire::SettleReport{round, {}});
  machine_->on_message(now_, {9}, wire::SettleReport{round, {}});
  std::vector<std::pair<uint64_t, wire::View>> told;
  for (const auto& item : machine_->take_output().items) {
    const auto* send = std::get_if<CoordinatorOutput::Send>(&item);
    if (send == nullptr) continue;
    const auto* settled = std::get_if<wire::Settled>(&send->message);
    if (settled == nullptr) continue;
    ASSERT_TRUE(settled->delta);
    const bool whole = send->connection == ConnectionId{9};
    auto view = apply_delta(whole ? nullptr : &views_.back(), *settled->delta);
    ASSERT_TRUE(view) << view.error().message;
    told.emplace_back(send->connection.value, *view);
  }
  ASSERT_EQ(told.size(), 3u);
  for (const auto& [connection, view] : told) {
    EXPECT_EQ(view, told[0].second);
    EXPECT_EQ(view.plan, views_.back().plan);
    EXPECT_EQ(view.generation, views_.back().generation);
  }
}

TEST(MeasuredNetwork, LargeRunsArePlannedByTheirNumber) {
  MeasuredNetwork network;
  network.report_round_trip({1}, {2}, 70'000);
  const uint64_t most = limits::kMeasuredMembers;
  EXPECT_NE(network.plan(infos(most), all_linked(most)),
            topology::make_plan(static_cast<uint32_t>(most)));
  EXPECT_EQ(network.plan(infos(most + 1), all_linked(most + 1)),
            topology::make_plan(static_cast<uint32_t>(most + 1)));
}

}  // namespace
}  // namespace atoll_core::membership
