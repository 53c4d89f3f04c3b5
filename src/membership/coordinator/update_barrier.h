// The calls of atollUpdate that wait, with the call positions of those who wait, and how many
// updates the members have been through in this generation.
//
// atollUpdate is a call with a sequence like any other: a request carries its number. A member that
// lost the answer with its connection asks again under the same number and is answered with what
// the others were.
//
// A request has a digest of the positions in each group. Where two digests that must be the same
// are not, the two members are asked for the positions themselves, which name the difference.
//
// A receive from whoever sends has no position before something of a send has come to it. So where
// a sender is ahead of a receiver with such calls on that tag, this may be no difference: the send
// is on its way. The receiver tells so by a new request, and the update waits for that. Example: a
// sends to b, and both ask for an update, b with one such call. It is before #0 of a's sends, a
// before #1. When the send has come to b it is before #1, too, and the update goes on. With two
// sends of a's, or with one of a's and one of c's, they differ at once: one finds no receive.
//
// Invariants: one open request for each peer; `last_answer` is that of update `ended() - 1`; a
// peer's positions are kept only if it was asked for them, and as long as its request is open.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "membership/common/participant.h"
#include "wire/control.h"

namespace atoll_core::membership {

class UpdateBarrier {
 public:
  // Replaces an open request of this peer, and what it has told of it.
  void open(PeerId peer, wire::UpdateRequest request);
  // True: it is to be asked now for its positions, and has not been.
  bool ask(PeerId peer);
  // What it answers. False: it was not asked.
  bool tell(PeerId peer, const std::vector<wire::CallPosition>& positions);
  void forget(PeerId peer) { requests_.erase(peer); }
  // The members turn out to be in another generation, of which nothing is known yet.
  void clear() { *this = {}; }
  bool waits(PeerId peer) const { return requests_.count(peer) != 0; }
  size_t waiting() const { return requests_.size(); }

  // The next sequence of a waiting peer under a name of ops. Unknown: it has to be asked.
  std::optional<uint64_t> next_sequence(PeerId peer, Group group, uint64_t tag) const;
  // It waits with receives from whoever sends under this tag, some of which have no sender yet.
  bool receives_any(PeerId peer, uint64_t tag) const;
  // Who has been asked and has not told yet.
  std::vector<PeerId> asked() const;
  // True when this peer asks for an update that has ended for the others.
  bool answered_already(PeerId peer) const;

  // Who of `members` does not wait yet.
  std::vector<Participant> missing(const std::vector<Participant>& members) const;
  // The first difference between members that must agree; all of them wait. Either it is known, or
  // these have to be asked, or it will be gone soon. None of them: there is no difference.
  struct Comparison {
    std::optional<std::string> difference;
    std::vector<PeerId> to_ask;
    std::string on_the_way;  // not empty: sends that are still to come to their receivers
  };
  Comparison compare(const std::vector<Participant>& members) const;
  // A send for which the update waits; empty: none.
  void note_on_the_way(std::string send) { on_the_way_ = std::move(send); }
  const std::string& on_the_way() const { return on_the_way_; }
  // The names under which a member has made calls in this generation; of the one with the most.
  uint64_t names(const std::vector<Participant>& members) const;

  // The update of these members ended: well, or with an error.
  void finish(const std::vector<Participant>& members, std::optional<Error> error);
  void start_generation();
  // What a member tells a coordinator that does not know: so many updates have ended, the last of
  // them like this. The one that knows of most counts.
  void restore(uint64_t ended, std::optional<Error> error);

  // Why newcomers are not admitted at the update that ends. Which of it was not so at the last one:
  // updates follow each other quickly, and newcomers may wait for long.
  std::vector<std::string> news(std::vector<std::string> left_out);

  uint64_t ended() const { return ended_; }
  const std::optional<Error>& last_error() const { return last_error_; }

 private:
  struct Request {
    uint64_t number = 0;
    std::map<Group, wire::GroupPositions> groups;
    std::map<uint64_t, wire::AnyReceives> receives;  // by tag
    bool asked = false;
    std::optional<std::map<std::pair<Group, uint64_t>, uint64_t>> positions;
  };
  const Request& of(const Participant& member) const { return requests_.at(member.peer); }
  // Sends that are on their way, by receiver and tag.
  struct Coming {
    uint64_t sends = 0;
    std::string from;  // one of the senders
  };
  using OnTheWay = std::map<std::pair<PeerId, uint64_t>, Coming>;
  Comparison compare_in(Group group, const Participant& one, const Participant& other,
                        OnTheWay& on_the_way) const;
  // No difference: of a send that a receive from whoever sends may take, or has taken.
  bool may_meet(Group group, uint64_t tag, const Participant& one, const Participant& other,
                OnTheWay& on_the_way) const;
  Comparison compare(const std::vector<Participant>& members, const OnTheWay& on_the_way) const;

  std::map<PeerId, Request> requests_;
  uint64_t ended_ = 0;
  std::optional<Error> last_error_;
  std::string on_the_way_;
  std::vector<std::string> left_out_;  // at the last update
};

}  // namespace atoll_core::membership
