// What a coordinator may say to the engine of engine_fuzz.cpp, right or wrong: answers to what the
// engine has asked, views and verdicts that fit, and anything else.
#pragma once

#include <deque>
#include <string_view>
#include <utility>

#include "fuzz/one_engine.h"
#include "wire/control_framing.h"

namespace atoll_core::fuzz {

class PlayedCoordinator {
 public:
  explicit PlayedCoordinator(OneEngine& one) : one_(one), answers_(!one.choices.rarely()) {}

  // ---- the connection
  void dialled() { dialling_ = true; }
  void connect();
  void fail();
  void closed();

  // ---- what it says
  void roster();
  void admit();
  void freeze();
  void settle();
  void verdict();  // about a call that the engine has told of
  void anything();
  // What it has been asked for; false: nothing.
  bool answer();

  void hear(std::string_view bytes);

 private:
  void tell(const wire::ToPeer& message);
  void hear(const wire::ToCoordinator& message);
  void note_told(const OpId& op, const Epoch& epoch);
  wire::ToPeer any_message();
  wire::Registered registered(bool member);
  wire::Roster some_roster();
  wire::ViewDelta next_view(bool opens_generation);
  wire::Verdict good_verdict(const OpId& op, const Epoch& epoch);
  wire::SyncPlan plan_of(const wire::SyncRequest& asked);

  OneEngine& one_;
  bool answers_;  // what the engine asks
  bool dialling_ = false;
  bool connected_ = false;
  bool greeted_ = false;
  uint64_t received_ = 0;  // numbered messages, since it was registered
  wire::ControlFramer framer_;
  std::deque<wire::ToPeer> to_tell_;
  std::deque<std::pair<OpId, Epoch>> told_;  // by the engine; the last first
};

}  // namespace atoll_core::fuzz
