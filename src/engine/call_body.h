// The part of a call that differs between kinds: how one attempt moves its data. The ledger owns
// the rest: names, deadlines, verdicts, retries.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "engine/call.h"
#include "engine/weight_list.h"
#include "link/link.h"
#include "topology/plan.h"
#include "wire/control.h"
#include "wire/frame.h"

namespace atoll_core::engine {

struct AttemptContext {
  AttemptId id;
  std::vector<PeerId> participants;  // in view order
  PeerId self;
  uint64_t fingerprint = 0;
  // Here the calls of the op's name below this have ended; travels with the data.
  uint64_t ended_below = 0;
  std::shared_ptr<const topology::Plan> plan;  // of these participants
};

// Payload of a call so far, all attempts.
struct Traffic {
  uint64_t sent = 0;
  uint64_t received = 0;
};

// How far a call that keeps segments has come, in elements; all 0 for others.
struct KeptProgress {
  uint64_t kept_below = 0;      // where the attempt began
  uint64_t complete_below = 0;  // the result is held here
  uint64_t stable_below = 0;    // so it is on all participants, and the input is no longer kept
};

// Of an all-to-all: what one has sent to this peer is not what this peer expects.
struct CountDifference {
  PeerId sender;
  uint64_t sent = 0;
  uint64_t expected = 0;
};

class CallBody {
 public:
  virtual ~CallBody() = default;

  virtual void begin(AttemptContext attempt) = 0;
  // The attempt has ended without a commit and its frames were revoked: the caller's memory is
  // made what it was before the call. May be followed by another begin().
  virtual void abandon() = 0;
  // False: what it has overwritten was the input, which was not kept.
  virtual bool may_begin_again() const { return true; }
  // The same, but what was made of the elements below `kept_below` stands. An error: it cannot be.
  virtual Result<void> abandon_from(uint64_t kept_below) {
    if (kept_below == 0) return abandon(), Result<void>();
    return fail(ErrorCode::kInternalError, "segments of a call that keeps none are to stand");
  }

  // Of calls that keep segments. From freeze() to thaw() what they have told does not grow: no
  // input is let go, and nobody is told of more than is returned here.
  virtual KeptProgress freeze() { return {}; }
  virtual void thaw() {}
  virtual KeptProgress kept_progress() const { return {}; }

  virtual Result<link::Placement> place(PeerId from, const wire::FrameHeader& header) = 0;
  virtual Result<void> deliver(PeerId from, const wire::FrameHeader& header,
                               const link::Payload& payload) = 0;
  virtual void on_plan(const wire::SyncPlan& plan) = 0;

  // Locally complete: the result is held.
  virtual bool complete() const = 0;
  // The call may return on local completion, because its result is kept for those who miss it.
  virtual bool small() const { return false; }
  // A small one that sends the caller's memory: all of that has arrived when it is complete.
  virtual bool lends_input() const { return false; }
  // Cannot go on: the call is to be aborted for this reason.
  virtual const Error* failure() const = 0;
  // Nor if there is one: it is a mismatch.
  virtual const CountDifference* difference() const { return nullptr; }
  virtual wire::ToCoordinator done_message() const = 0;
  // So short that its senders need no credit, and mostly over before it would matter who has come.
  virtual bool posts_late() const { return false; }
  // Who is to be told that this attempt was posted here, since they send chunks.
  virtual std::vector<PeerId> senders() const = 0;
  // Grows whenever data arrives.
  virtual uint64_t progress() const = 0;
  virtual Traffic traffic() const = 0;
  // The call has committed: makes the result the caller's, and tells of it.
  virtual Result<CallInfo> commit(const std::vector<PeerId>& contributors, uint32_t attempts) = 0;

  // Of small calls. The result as it is kept; shared with frames that are still to be sent.
  virtual std::shared_ptr<const ByteBuffer> result() const { return nullptr; }
  // What each of the contributors to the result weighs; goes with it.
  virtual WeightList weights(const std::vector<PeerId>&) const { return {}; }
  // Another member's result, followed by the weights if they are not all 1, in place of an attempt
  // that did not complete; then complete().
  virtual Result<void> take_result(ByteSpan, bool /*weighted*/, const std::vector<PeerId>&) {
    return fail(ErrorCode::kInternalError, "a call of this kind has no result to be sent");
  }
  // What came with the data: the calls of the op's name below this have ended on all participants.
  virtual uint64_t stable_below() const { return 0; }
};

}  // namespace atoll_core::engine
