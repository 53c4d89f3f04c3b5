// Collects what the coordinator machine wants done.
#pragma once

#include <string>
#include <utility>

#include "base/time.h"
#include "membership/coordinator/coordinator_machine.h"
#include "membership/coordinator/recent_events.h"
#include "membership/coordinator/roster.h"

namespace atoll_core::membership {

class Outbox {
 public:
  // The time of the input: of the events from now on.
  void set_now(TimePoint now) { now_ = now; }
  const RecentEvents& recent() const { return recent_; }

  void send(ConnectionId connection, wire::ToPeer message) {
    output_.items.emplace_back(CoordinatorOutput::Send{connection, std::move(message)});
  }
  // To a suspect when its session goes on. A pending peer has none that could.
  void send(PeerRecord& peer, wire::ToPeer message) {
    if (is_numbered(message)) {
      if (peer.in_view()) peer.session.note_sent(message);
      else peer.session.note_sent_for_good();
    }
    if (peer.connected()) send(peer.connection, std::move(message));
  }
  void close(ConnectionId connection, std::string reason) {
    output_.items.emplace_back(CoordinatorOutput::Close{connection, std::move(reason)});
  }
  void event(std::string text) {
    recent_.add(now_, text);
    output_.items.emplace_back(CoordinatorOutput::Event{std::move(text)});
  }
  void routine_event(std::string text) {
    output_.items.emplace_back(CoordinatorOutput::Event{std::move(text), true});
  }
  void drives(std::string not_because = "") {
    output_.items.emplace_back(CoordinatorOutput::Drives{std::move(not_because)});
  }
  // Carried out before everything else that this input has led to.
  void save(wire::Snapshot snapshot) {
    output_.items.insert(output_.items.begin(), CoordinatorOutput::Save{std::move(snapshot)});
  }
  CoordinatorOutput take() { return std::exchange(output_, {}); }

 private:
  CoordinatorOutput output_;
  RecentEvents recent_;
  TimePoint now_{};
};

}  // namespace atoll_core::membership
