// The calls of atollUpdate that wait, with the call positions of those who wait, and how many
// updates the members have been through in this generation.
//
// atollUpdate is a call with a sequence like any other: a request carries its number as the
// position of kUpdateTag. A member that lost the answer with its connection asks again under the
// same number and is answered with what the others were.
//
// Invariants: one open request for each peer; `last_answer` is that of update `ended() - 1`.
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
#include "membership/common/update_tag.h"
#include "wire/control.h"

namespace atoll_core::membership {

class UpdateBarrier {
 public:
  // Replaces an open request of this peer.
  void open(PeerId peer, std::vector<wire::CallPosition> positions);
  void forget(PeerId peer) { requests_.erase(peer); }
  // The members turn out to be in another generation, of which nothing is known yet.
  void clear() { *this = {}; }
  bool waits(PeerId peer) const { return requests_.count(peer) != 0; }
  size_t waiting() const { return requests_.size(); }

  // The next sequence of the waiting peer for ops of `group`; none when it does not wait.
  std::optional<uint64_t> next_sequence(PeerId peer, Group group, uint64_t tag) const;
  // True when this peer asks for an update that has ended for the others.
  bool answered_already(PeerId peer) const;

  // Who of `members` does not wait yet.
  std::vector<Participant> missing(const std::vector<Participant>& members) const;
  // The first difference between the positions of members that must agree.
  std::optional<std::string> difference(const std::vector<Participant>& members) const;

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
  using Request = std::map<std::pair<Group, uint64_t>, uint64_t>;

  std::map<PeerId, Request> requests_;
  uint64_t ended_ = 0;
  std::optional<Error> last_error_;
  std::vector<std::string> left_out_;  // at the last update
};

}  // namespace atoll_core::membership
