// A wait for one answer from each of a set of peers: the only barrier there is. What it waits for
// is told by the type of the answers.
//
// Invariant: only expected peers have answers.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace atoll_core::membership {

template <class Answer>
class PeerBarrier {
 public:
  PeerBarrier() = default;
  explicit PeerBarrier(std::set<PeerId> expected) : expected_(std::move(expected)) {}

  // A later answer replaces an earlier one. False: this peer is not expected.
  bool answer(PeerId peer, Answer answer) {
    if (expected_.count(peer) == 0) return false;
    answers_.insert_or_assign(peer, std::move(answer));
    return true;
  }

  // Nobody waits for this peer any more.
  void forget(PeerId peer) {
    expected_.erase(peer);
    answers_.erase(peer);
  }

  bool complete() const { return answers_.size() == expected_.size(); }
  bool expects(PeerId peer) const { return expected_.count(peer) != 0; }
  bool answered(PeerId peer) const { return answers_.count(peer) != 0; }
  const std::set<PeerId>& expected() const { return expected_; }
  const std::map<PeerId, Answer>& answers() const { return answers_; }

  std::vector<PeerId> missing() const {
    std::vector<PeerId> peers;
    std::copy_if(expected_.begin(), expected_.end(), std::back_inserter(peers),
                 [this](PeerId peer) { return !answered(peer); });
    return peers;
  }

 private:
  std::set<PeerId> expected_;
  std::map<PeerId, Answer> answers_;
};

}  // namespace atoll_core::membership
