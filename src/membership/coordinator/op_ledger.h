// The ops that somebody has told of and that have not ended, as they stand in the present epoch.
//
// Invariants: an op is in here or in the VerdictHistory, never in both; `done` holds only peers
// that are done in the present attempt; the ledger is emptied by a settle round about all ops.
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
#include "wire/control.h"

namespace atoll_core::membership {

inline constexpr size_t kOpenOpsMax = limits::kOpenOps;

// Somebody wants the op ended.
struct AbortNote {
  std::optional<Participant> asker;  // none: the coordinator itself
  ErrorCode code = ErrorCode::kAborted;
  std::string reason;
  std::optional<wire::CallDescription> call;  // of the asker
  bool ask_members = false;  // before it is ended: they can tell what differs in full
};

struct Call {
  Participant caller;
  wire::CallDescription description;
};

struct OpRecord {
  TimePoint since{};             // heard of
  std::map<PeerId, Call> calls;  // of those known to have called
  std::set<PeerId> done;
  std::map<PeerId, std::vector<PeerId>> waiting;  // who waits, and for whom
  std::optional<AbortNote> abort;                 // the first one
};

// "all-reduce tag 7 #4 differs between a (here) and b (there): count 5 here, 6 there"; none when
// the two do not reduce with each other or call the same.
std::optional<std::string> difference(const OpKey& key, const Call& one, const Call& other);

class OpLedger {
 public:
  explicit OpLedger(size_t ops_max = kOpenOpsMax) : ops_max_(ops_max) {}
  size_t ops_max() const { return ops_max_; }

  // The time of the input: of what opens from now on.
  void set_now(TimePoint now) { now_ = now; }

  // Null: ops_max() ops are open.
  OpRecord* open(const OpKey& key);
  OpRecord* find(const OpKey& key);
  const OpRecord* find(const OpKey& key) const;
  void erase(const OpKey& key) { records_.erase(key); }
  // All of the same name with smaller sequences.
  void erase_below(const OpKey& key);
  void forget(Generation generation);
  void clear() { records_.clear(); }

  const std::map<OpKey, OpRecord>& records() const { return records_; }

 private:
  size_t ops_max_;
  std::map<OpKey, OpRecord> records_;
  TimePoint now_{};
};

// Notes that `call` was made. Returns how it differs from what others called under this name.
std::optional<std::string> note_call(const OpKey& key, OpRecord& record, Call call);

bool all_done(const OpRecord& record, const std::vector<Participant>& participants);

}  // namespace atoll_core::membership
