// Calls that receive from whoever sends (atollRecvAny), of one peer.
//
// Such a call has no name until it has found a sender: the next send of some pair and tag, of which
// something has come here. From then on it is a receive by the name of that pair, like any other.
// So it takes no number of a pair whose send it does not receive, and nobody else has to know of it
// while it waits.
//
//   state     event                                              next
//   waiting   a send to this peer under its tag is heard of      taken
//             cancel, deadline, arrival timeout, nobody left     ended, here alone
//   taken     its sender is lost                                 waiting, at its old place
//             its op ends otherwise                              ended, like the send
//
// Of one tag the call that was made first is taken first. Receives that name their sender take the
// numbers of its pair, too; in which order the two sorts would do so depends on what comes when. So
// there is only one sort in flight on a tag.
//
// An update compares the positions of sender and receiver, who may not have heard of a send that
// has been made. So it is told how many of these calls were there when it was asked for, and what
// has become of them since (`in_update`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "engine/call.h"
#include "engine/wait_notice.h"
#include "wire/call_positions.h"

namespace atoll_core::engine {

class AnyReceives {
 public:
  struct Receive {
    CallId call = 0;
    CollectiveCall arguments;
    TimePoint begun{};
    TimePoint deadline = kNever;
    TimePoint since{};        // waits in this view
    WaitNotice notice{};
    bool in_update = false;   // there when the last update was asked for
    uint64_t number = 0;      // in the order of the calls
    uint64_t tag() const { return arguments.options.tag; }
  };

  void add(Receive receive);
  // The first that waits under this tag becomes a call with a name.
  Receive* first(uint64_t tag);
  const Receive& take(uint64_t tag);
  // This call's op has ended; null: it is none of these.
  std::optional<Receive> end_taken(CallId call);
  void put_back(Receive receive);
  // One that waits has ended. Null: no such call waits.
  std::optional<Receive> remove(CallId call);

  size_t waiting() const { return waiting_.size(); }
  std::vector<uint64_t> tags() const;  // under which some wait
  bool waits(uint64_t tag) const;
  bool in_flight(uint64_t tag) const { return in_flight_.count(tag) != 0; }
  template <class Visit>
  void for_each_waiting(Visit visit) {
    for (auto& [place, receive] : waiting_) visit(receive);
  }
  template <class Visit>
  void for_each_waiting(Visit visit) const {
    for (const auto& [place, receive] : waiting_) visit(receive);
  }

  // Receives that name their sender.
  void named_begins(uint64_t tag) { ++named_[tag]; }
  void named_ends(uint64_t tag);
  bool named_in_flight(uint64_t tag) const { return named_.count(tag) != 0; }

  // An update is asked for.
  void begin_update();
  std::vector<wire::AnyReceives> in_update() const;

 private:
  using Place = std::pair<uint64_t, uint64_t>;  // tag, number

  void count(const Receive& receive, int open, int taken);

  std::map<Place, Receive> waiting_;
  std::map<CallId, Receive> taken_;
  std::map<uint64_t, size_t> in_flight_;  // waiting and taken, by tag
  std::map<uint64_t, size_t> named_;
  std::map<uint64_t, wire::AnyReceives> update_;
  uint64_t numbers_ = 0;
};

}  // namespace atoll_core::engine
