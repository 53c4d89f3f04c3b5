// A coordinator machine and its members, played: what each has said to it, and what has come of
// that. Peer n has connection n and session (77, n), and is called pn.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "membership/coordinator/coordinator_machine.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {

class PlayedMembers : public testing::Test {
 protected:
  struct Heard {
    PeerId id;
    uint64_t round = 0;
    uint64_t heartbeat = 0;
    size_t verdicts = 0;                // of the last settle round
    std::vector<std::string> messages;  // their names
    std::vector<std::string> failures;  // of updates
    std::vector<wire::Updated> updates;
    std::vector<std::string> waits;  // of the last UpdateWaits
  };

  explicit PlayedMembers(uint32_t min_replicas = 1)
      : machine_([&] {
          CoordinatorConfig config;
          config.min_replicas = min_replicas;
          return config;
        }(), {1, 42}) {}

  void say(uint64_t peer, wire::ToCoordinator message) {
    machine_.on_message(now_, {peer}, std::move(message));
    absorb();
  }

  // A newcomer, with links to all that are there.
  void come(uint64_t peer) {
    machine_.on_connected(now_, {peer}, "somewhere");
    wire::Register hello;
    hello.peer = info(0, "p" + std::to_string(peer));
    hello.peer.session = {77, peer};
    say(peer, hello);
    for (const uint64_t member : members_) {
      say(peer, wire::LinkReport{heard_[member].id, wire::LinkState::kUp, "", 300});
      say(member, wire::LinkReport{heard_[peer].id, wire::LinkState::kUp, "", 300});
    }
    members_.push_back(peer);
  }

  // All reports of a settle round, of members that know of no call.
  void report_all() {
    for (const uint64_t member : members_) {
      say(member, wire::SettleReport{heard_[member].round, {}});
    }
  }

  // Half a second later all have answered the coordinator's heartbeat.
  void beat() {
    now_ += std::chrono::milliseconds(500);
    machine_.tick(now_);
    absorb();
    for (const uint64_t member : members_) {
      say(member, wire::PeerHeartbeat{heard_[member].heartbeat, ~uint64_t{0}});
    }
  }

  void absorb() {
    for (auto& item : machine_.take_output().items) {
      auto* send = std::get_if<CoordinatorOutput::Send>(&item);
      if (send != nullptr) note(heard_[send->connection.value], std::move(send->message));
    }
  }

  void forget_heard() {
    for (auto& [peer, heard] : heard_) {
      heard.messages.clear();
      heard.failures.clear();
      heard.updates.clear();
    }
  }

  TimePoint now_{std::chrono::seconds(1)};
  CoordinatorMachine machine_;
  std::map<uint64_t, Heard> heard_;
  std::vector<uint64_t> members_;

 private:
  static void note(Heard& heard, wire::ToPeer message) {
    heard.messages.emplace_back(wire::name_of(message));
    if (auto* registered = std::get_if<wire::Registered>(&message)) {
      heard.id = registered->peer;
    } else if (auto* freeze = std::get_if<wire::Freeze>(&message)) {
      heard.round = freeze->round;
    } else if (auto* updated = std::get_if<wire::Updated>(&message)) {
      heard.updates.push_back(std::move(*updated));
    } else if (auto* failed = std::get_if<wire::UpdateFailed>(&message)) {
      heard.failures.push_back(std::move(failed->reason));
    } else if (auto* beat = std::get_if<wire::CoordinatorHeartbeat>(&message)) {
      heard.heartbeat = beat->number;
    } else if (auto* waits = std::get_if<wire::UpdateWaits>(&message)) {
      heard.waits = std::move(waits->reasons);
    } else if (auto* settled = std::get_if<wire::Settled>(&message)) {
      heard.verdicts = settled->verdicts.size();
    }
  }
};

}  // namespace atoll_core::membership
