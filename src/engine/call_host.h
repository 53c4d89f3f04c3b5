// What a call needs of its surroundings. The ledger is that to its calls.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "engine/stash.h"
#include "topology/plan.h"
#include "wire/control.h"

namespace atoll_core::engine {

// kDoneWanted: and has no room for its result, so that all are to tell that they are done.
// kEndWanted: has ended it, and leaves once it is known that all have: none of them is to wait with
// telling so.
// kElsewhere: and has not made a call of another group with the same tag, in which it knows the
// receiver to be.
enum class PostedNotice : uint8_t { kPosted, kDoneWanted, kEndWanted, kElsewhere };

class CallHost {
 public:
  virtual ~CallHost() = default;

  // ---- actions, carried out at once. None of them comes back to the call.
  virtual void tell(wire::ToCoordinator message) = 0;
  // A Credit frame: the attempt is posted here, and takes everything.
  virtual void send_posted(const AttemptId& attempt, uint64_t fingerprint, PeerId to,
                           PostedNotice notice) = 0;
  // A ResultRequest frame.
  virtual void ask_result(const AttemptId& attempt, uint64_t fingerprint, PeerId holder) = 0;
  // `from` takes so much of the attempt.
  virtual void grant(PeerId from, const AttemptId& attempt, uint64_t total) = 0;
  // Its frames are sent no more, and no stream refers to the caller's memory for it.
  virtual void revoke(const AttemptId& attempt) = 0;
  // This peer cannot stay in the run.
  virtual void cannot_stay(Error why) = 0;
  // There is no room for one more result: others should hear what has ended.
  virtual void lacks_room() = 0;

  // For the log.
  virtual void warn(std::string what) = 0;

  // ---- facts.
  virtual const wire::View& view() const = 0;
  virtual const wire::PeerInfo& self() const = 0;
  // A settle round about it, or about all, is open; it ends at the latest at freeze_ends().
  virtual bool frozen(const OpId& op) const = 0;
  virtual TimePoint freeze_ends() const = 0;
  // No further result of a small call is taken.
  virtual bool results_full() const = 0;
  // Here all calls of the op's name below this have ended.
  virtual uint64_t ended_below(const OpId& op) const = 0;
  virtual std::shared_ptr<const topology::Plan> plan_of(const Generation& generation,
                                                        const std::vector<PeerId>& peers) = 0;
  // What came of it ahead of the call; it is the call's now.
  virtual Stash::Entry take_stash(const AttemptId& attempt) = 0;
};

}  // namespace atoll_core::engine
