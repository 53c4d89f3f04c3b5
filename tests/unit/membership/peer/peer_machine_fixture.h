// A peer machine that a test plays the coordinator for.
#pragma once

#include "membership/peer/peer_machine.h"

#include <algorithm>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/common/view_delta.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {

using namespace std::chrono_literals;  // NOLINT: durations

class PeerMachineTest : public testing::Test {
 protected:
  PeerMachineTest() : machine_(config()) {}

  static PeerConfig config() {
    PeerConfig made;
    made.run = "run";
    made.self = info(1, "a");
    made.self.id = {};
    return made;
  }

  // The outputs since the last call that are of this type.
  template <class Output>
  std::vector<Output> take() {
    std::vector<Output> found;
    for (PeerOutput& output : machine_.take_outputs()) {
      if (auto* typed = std::get_if<Output>(&output)) found.push_back(std::move(*typed));
    }
    return found;
  }

  template <class Message>
  std::vector<Message> take_sent() {
    std::vector<Message> found;
    for (peer_output::Send& send : take<peer_output::Send>()) {
      if (auto* typed = std::get_if<Message>(&send.message)) found.push_back(std::move(*typed));
    }
    return found;
  }

  void register_as(uint64_t id, bool member = false) {
    machine_.on_control_connected(now_);
    accept(id, member);
  }

  void accept(uint64_t id, bool member) {
    wire::Registered answer;
    answer.peer = {id};
    answer.run = "run";
    answer.heartbeat_interval_ms = 500;
    answer.peer_timeout_ms = 5000;
    answer.member = member;
    machine_.on_message(now_, answer);
  }

  wire::View view(uint64_t number, uint64_t generation) const {
    wire::View view = first_view(generation, {info(1, "a"), info(2, "b")});
    view.epoch = epoch(number);
    return view;
  }

  void start_with_coordinators(uint32_t count, Duration connect_timeout) {
    PeerConfig several = config();
    several.coordinators = count;
    several.connect_timeout = connect_timeout;
    machine_ = PeerMachine(several);
    machine_.start(now_);
  }

  std::vector<uint32_t> addresses_dialled() {
    std::vector<uint32_t> addresses;
    for (const auto& dial : take<peer_output::DialCoordinator>()) {
      addresses.push_back(dial.address);
    }
    return addresses;
  }

  void become_member() {
    machine_.start(now_);
    register_as(1);
    ASSERT_TRUE(machine_.request_update(now_, {}));
    machine_.on_message(now_, wire::Updated{epoch(1), make_delta(nullptr, view(1, 1), "first")});
    machine_.take_outputs();
  }

  void lose_and_dial() {
    machine_.on_control_failed(now_, "reset");
    advance(50ms);
  }

  void advance(Duration by) {
    now_ += by;
    machine_.tick(now_);
  }

  static wire::OpDone done(uint64_t tag) {
    wire::OpDone message;
    message.op.tag = tag;
    return message;
  }
  // Numbered messages, those of become_member(): the request for the first update.
  static uint64_t sent_so_far() { return 1; }

  TimePoint now_{1s};
  PeerMachine machine_;
};

}  // namespace atoll_core::membership
