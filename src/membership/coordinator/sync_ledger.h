// The state syncs that have not ended, as they stand in the present epoch.
//
// Groups elect on their own, each among the same shards, but must elect the same revision: half of
// a model at another revision than the rest is a conflict.
//
// Invariants: `done` holds only peers that have a plan; the ledger is emptied by a settle round
// about all ops, since its plans name holders that may be gone: peers ask again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "membership/common/op_key.h"
#include "membership/common/participant.h"
#include "membership/coordinator/op_ledger.h"
#include "membership/coordinator/sync_election.h"
#include "wire/control.h"

namespace atoll_core::membership {

inline constexpr size_t kOpenSyncsMax = limits::kOpenSyncs;

struct SyncRecord {
  TimePoint since{};  // heard of
  std::map<PeerId, wire::StateSummary> requests;
  bool planned = false;
  std::map<uint32_t, wire::SyncPlan> plans;  // by shard, once planned
  std::set<PeerId> done;
  std::optional<AbortNote> abort;
};

struct SyncPlans {
  std::map<uint32_t, wire::SyncPlan> by_shard;  // `op` and `epoch` are left for the sender to fill
  std::vector<std::string> sentences;
};

class SyncLedger {
 public:
  // The time of the input: of what opens from now on.
  void set_now(TimePoint now) { now_ = now; }

  // Null: kOpenSyncsMax syncs are open.
  SyncRecord* open(const OpKey& key);
  SyncRecord* find(const OpKey& key);
  void erase(const OpKey& key) { records_.erase(key); }
  void forget(Generation generation);
  void clear() { records_.clear(); }
  const std::map<OpKey, SyncRecord>& records() const { return records_; }

 private:
  std::map<OpKey, SyncRecord> records_;
  TimePoint now_{};
};

bool all_asked(const SyncRecord& record, const std::vector<Participant>& participants);
bool all_done(const SyncRecord& record, const std::vector<Participant>& participants);

// Elects for each group when all have asked. `gaps`: who has no vote.
Result<SyncPlans> plan_sync(const OpKey& key, const SyncRecord& record,
                            const std::vector<Participant>& participants,
                            const std::set<PeerId>& gaps);

}  // namespace atoll_core::membership
