// The calls that have ended here, kept until they are known to have ended on all their
// participants: a settle round asks for them, and who has missed a result fetches it here.
//
// What has ended is told to the coordinator as one watermark for each name (generation, group,
// tag): all calls below it have ended. What has ended on all comes back in the same form.
//
// Example of one that does not hear that: its connection breaks for longer than a session lasts, or
// the coordinator dies when it has told some. It reports the call in the settle round that follows,
// all get its verdict, and the others, who have forgotten the call, answer by their watermark.
//
// Invariants: a call is in here once; `told` of a name never exceeds what has ended.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "engine/weight_list.h"
#include "wire/control.h"

namespace atoll_core::engine {

struct EndedCall {
  Epoch epoch;  // of the last attempt
  wire::CallDescription call;
  bool committed = false;
  std::vector<PeerId> contributors;          // committed
  std::shared_ptr<const ByteBuffer> result;  // of a small op that committed
  WeightList weights;                        // of the contributors to the result
  ErrorCode code = ErrorCode::kSuccess;      // aborted
  std::string reason;                        // aborted
  // The result with the weights behind it, as long as it is on its way to somebody.
  mutable std::weak_ptr<const ByteBuffer> with_weights{};
};

// So much is kept of the results of small calls.
struct ResultsKept {
  size_t results = limits::kResultsKept;
  size_t bytes = limits::kResultBytesKept;
};

class EndedCalls {
 public:
  explicit EndedCalls(const ResultsKept& most = {}) : most_(most) {}

  using Calls = std::map<OpId, EndedCall>;

  void add(const OpId& op, EndedCall call);
  // Null: not here, or known to have ended on all.
  const EndedCall* find(const OpId& op) const;
  const Calls& calls() const { return calls_; }

  // These have ended on all participants. Returns what is no longer kept.
  std::vector<AttemptId> forget(const wire::Watermark& stable);
  // Those whose generations are known to nobody any more, the oldest first.
  std::vector<AttemptId> forget_while(const std::function<bool(const Generation&)>& is_forgotten);
  void clear();

  // No further result is taken until others are forgotten.
  bool full() const;
  bool keeps_results() const { return results_ > 0; }
  size_t aborted() const { return aborted_; }
  // What they take in a settle report.
  size_t report_bytes() const { return report_bytes_; }

  // The watermarks that the coordinator does not know yet; it is told now. `first_open` gives the
  // smallest sequence of an open call of that name, or UINT64_MAX.
  using FirstOpen = std::function<uint64_t(const wire::Watermark& name)>;
  std::vector<wire::Watermark> take_untold(const FirstOpen& first_open);
  // So much has come that it should be told at once.
  bool should_tell_now() const;
  bool has_untold() const { return untold_ > 0 || !answers_.empty(); }
  // The coordinator may have forgotten what it was told.
  void tell_again();
  // This call has ended on all, and is forgotten here, but somebody does not know so: it is told
  // once more that it has ended here.
  void answer(const OpId& op);

 private:
  struct Name {
    Generation generation;
    Group group = 0;
    uint64_t tag = 0;
    auto operator<=>(const Name&) const = default;
  };
  struct Progress {
    uint64_t ended = 0;  // 1 + the highest sequence that has ended
    uint64_t told = 0;
    size_t kept = 0;
  };
  Calls::iterator erase(Calls::iterator call);
  static Name name_of(const OpId& op) { return {op.generation, op.group, op.tag}; }
  static size_t report_bytes(const EndedCall& call);
  static size_t result_bytes(const EndedCall& call);

  ResultsKept most_;
  Calls calls_;
  std::map<Name, Progress> names_;
  std::map<Name, uint64_t> answers_;  // to be told; below that
  size_t results_ = 0;
  size_t result_bytes_ = 0;
  size_t aborted_ = 0;
  size_t report_bytes_ = 0;
  size_t untold_ = 0;        // calls that ended since the coordinator was told
  size_t untold_bytes_ = 0;
};

}  // namespace atoll_core::engine
