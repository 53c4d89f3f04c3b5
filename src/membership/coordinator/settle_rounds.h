// The settle rounds that are open: one about all ops, or any number about one op each.
//
// Invariants: round numbers are never used twice; while a round about all ops is open there is no
// other, because it decides theirs too; a peer that does not report in time is overdue, however
// often the round is restarted around it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "base/ids.h"
#include "base/time.h"
#include "membership/common/op_key.h"
#include "membership/coordinator/peer_barrier.h"
#include "wire/control.h"

namespace atoll_core::membership {

struct SettleRound {
  uint64_t number = 0;
  PeerBarrier<wire::SettleReport> reports;
};

class SettleRounds {
 public:
  // Opens the round about all ops, or restarts it: earlier answers no longer count. Those who
  // have not answered keep their deadline.
  const SettleRound& open_about_all(std::set<PeerId> members, TimePoint report_deadline);
  const SettleRound& open_about(const OpKey& key, std::set<PeerId> participants,
                                TimePoint report_deadline);

  // False: the report is of a round that is no longer open.
  bool answer(PeerId peer, wire::SettleReport report);

  bool about_all_open() const { return about_all_.has_value(); }
  bool open_for(const OpKey& key) const { return about_one_.count(key) != 0; }
  const SettleRound* about_all() const { return about_all_ ? &*about_all_ : nullptr; }
  // An op of this generation about which a round is open.
  std::optional<OpKey> open_in(Generation generation) const;
  size_t open() const { return about_one_.size() + (about_all_ ? 1 : 0); }
  // An op whose round is complete.
  std::optional<OpKey> complete_about_one() const;

  SettleRound close_about_all();
  SettleRound close_about(const OpKey& key);
  void clear();

  // A peer whose report has not come by its deadline.
  std::optional<PeerId> overdue(TimePoint now) const;
  // Its report is not waited for by a deadline any more: it is being dropped.
  void excuse(PeerId peer) { deadlines_.erase(peer); }
  TimePoint next_deadline() const;
  // The coordinator slept: nobody is late because of that.
  void postpone(Duration by);
  uint64_t opened() const { return last_number_; }

 private:
  void await(const SettleRound& round, TimePoint report_deadline);
  // One report that this peer owes is there, or not wanted any more.
  void settle_debt(PeerId peer);

  std::optional<SettleRound> about_all_;
  std::map<OpKey, SettleRound> about_one_;
  // Thousands of calls may pass their deadline at once, and each has its round: so none of these is
  // searched through.
  std::map<uint64_t, OpKey> by_number_;  // of about_one_
  std::set<OpKey> complete_;             // of about_one_
  std::map<PeerId, size_t> owed_;        // reports of open rounds
  std::map<PeerId, TimePoint> deadlines_;
  uint64_t last_number_ = 0;
};

}  // namespace atoll_core::membership
