// The life of one call on one peer. Events come in as function calls; what it needs done goes out
// to its CallHost at once. After each event whoever owns it looks whether it has ended().
//
//   state      it                               event                          next state
//   kWaiting   has no attempt: a settle round   begin()                        kMoving
//              is open                          a commit, on_verdict()         kFetching
//                                               a final abort                  kEnded
//   kMoving    moves data in an attempt         all is here                    kComplete
//                                               a commit: others have it       kFetching
//                                               an abort: to be tried again    kWaiting
//                                               a final abort                  kEnded
//   kComplete  holds the result, and waits     small, with room: thaw(),      kEnded
//              for a thaw, for room or for a   on_room()
//              verdict                         a commit of this attempt       kEnded
//                                              a commit of another one        kFetching
//                                              an abort: to be tried again    kWaiting
//                                              a final abort                  kEnded
//   kFetching  asks other members for the       the result is here             kComplete
//              result of an op that has         a commit                       kFetching
//              committed                        an abort: to be tried again    kWaiting
//                                               a final abort                  kEnded
//   kEnded     is over: take_ending()
//
// A large call tells when it is complete that it is done, and ends by the verdict when all have.
// A small one ends when it is complete, without a word, as long as there is room for its result.
// Where there is none it ends like a large one, and its result is not kept: it asks the others to
// tell, too. So the cap of kept results costs a round trip to the coordinator, and nobody waits for
// room. Example: two peers make calls of two tags in opposite order, and each fills its cap with
// those of the tag that the other began with. If they waited, each would wait for the other.
//
// From every state fail() leads to kEnded. While frozen (between a full freeze, or one about this
// op, and the thaw) it goes neither from kWaiting to kMoving nor from kComplete to kEnded but by a
// verdict, and tells nobody that it is done. Data may go on moving, which does no harm: a verdict
// that commits finds it complete, one that aborts drops it.
//
// What kFetching is about is provisional: if nobody who holds the result lives, the next settle
// round decides otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/call_host.h"
#include "engine/context.h"
#include "engine/ended_calls.h"
#include "engine/new_call.h"
#include "engine/outcome_grace.h"
#include "engine/report.h"
#include "engine/wait_notice.h"
#include "link/link.h"

namespace atoll_core::engine {

class CallMachine {
 public:
  enum class Phase : uint8_t { kWaiting, kMoving, kComplete, kFetching, kEnded };

  CallMachine(NewCall call, const OpId& op, Context& context, CallHost& host);

  // How it ended. `record`: what is kept of it until it has ended on all; none if the peer leaves.
  struct Ending {
    Result<CallInfo> result;
    std::optional<EndedCall> record;
    bool nobody_else = false;   // has a part in it: nothing needs to be kept
    uint64_t stable_below = 0;  // of its name so much has ended on all
  };
  bool ended() const { return phase_ == Phase::kEnded; }
  Ending take_ending() { return *std::exchange(ending_, std::nullopt); }

  // ---- events: attempts and membership
  // The next attempt; not while frozen. kWaiting only.
  void begin();
  void lose(const std::vector<wire::PeerInfo>& lost);
  // A settle round has ended in this epoch.
  void begin_in(const Epoch& epoch) { begins_in_ = epoch; }
  // Returns what a settle round, which takes `longest` at most, has to know of it.
  wire::OpReport freeze(Duration longest, bool about_this);  // call_machine_report.cpp
  // What waits in kWaiting stays there. `about_this`: the round was about this op, and has ended
  // without a verdict.
  void thaw(bool about_this);
  void on_verdict(const wire::Verdict& verdict);
  // The verdict was there before the call.
  void end_aborted(const wire::Verdict& verdict);
  void on_plan(const wire::SyncPlan& plan);
  // There may be room for one more result.
  void on_room() { advance(); }
  void fail(const Error& error);

  // ---- events: the caller and time
  void cancel();
  // So many generations have begun since its own.
  void end_old(size_t generations);
  // An error: the outcome is not known in time, so that the peer must leave the run.
  std::optional<Error> tick();
  TimePoint next_deadline() const;

  // ---- events: frames. Of the attempt, if relation() is kCurrent.
  enum class Relation : uint8_t { kCurrent, kPast, kNotBegun };
  Relation relation(const AttemptId& attempt) const;
  // It can only end in an error, and takes no data.
  bool doomed() const { return call_.doomed.has_value(); }
  Result<link::Placement> place(PeerId from, const wire::FrameHeader& header);
  Result<void> deliver(PeerId from, const wire::FrameHeader& header,
                       const link::Payload& payload);
  void hear_posted(PeerId from, const Stash::Posted& posted);
  // Another one has no room for the result: all are to tell that they are done.
  void hear_done_wanted();
  // This peer is in a call of another group with the same tag, and has not made this one.
  void hear_elsewhere(PeerId from, const std::string& groups);
  // A chunk was stashed although the attempt had begun.
  void take_late_stash();
  void hear_result(PeerId from, const wire::FrameHeader& header, ByteSpan payload);

  // ---- looked at
  CallId id() const { return call_.call; }
  const OpId& op() const { return op_; }
  size_t report_bytes() const { return report_bytes_; }  // that it may take in a settle report
  CallReport report() const;  // call_machine_report.cpp
  std::optional<KeptReport> kept() const;
  Phase phase() const { return phase_; }
  bool takes_part(PeerId peer) const;  // in what has begun
  const AttemptId& attempt() const { return attempt_; }
  const std::vector<PeerId>& members() const { return members_; }
  uint64_t fingerprint() const { return fingerprint_; }
  // It has an attempt that stands still, and has told so.
  bool stalled() const { return has_attempt() && waits_.stall_told; }
  bool lacks(PeerId peer) const;

 private:
  bool has_attempt() const { return phase_ == Phase::kMoving || phase_ == Phase::kComplete; }
  // Tells that it is complete, or ends it, if that may be now.
  void advance();
  void tell_done();
  // `keep`: others may lack the result of a small one.
  void commit(const Epoch& epoch, bool keep);
  void begin_fetch(const wire::Verdict& verdict);
  void ask_holder();
  void replay_stash();
  void after_progress();
  void send_posted(const std::vector<PeerId>& to, PostedNotice notice = PostedNotice::kPosted);
  void hear_data(PeerId from);
  void tell_difference(const CountDifference& difference);
  bool check_fingerprint(PeerId from, uint64_t fingerprint);
  void revoke();
  void request_abort(ErrorCode code, std::string reason);
  void abort_attempt(const wire::Verdict& verdict);
  void no_abort();
  std::optional<Error> lost_partner() const;
  std::vector<PeerId> to_be_told() const;

  // call_machine_waits.cpp
  void tell_stall();
  void give_up_stalled();
  void warn_of_wait();  // call_machine_report.cpp
  TimePoint stall_deadline() const;
  int64_t turn_to_leave() const;
  bool waits_for_siblings() const;
  std::vector<PeerId> missing() const;
  std::string names_of(const std::vector<PeerId>& peers) const;
  std::string describe() const;
  wire::CallDescription told_in_full() const;
  const std::string& self_name() const { return host_.self().name; }

  // What is waited for, how long, and what was said about it.
  struct Waits {
    TimePoint begun{};
    TimePoint last_progress{};
    TimePoint deadline = kNever;  // the caller's
    TimePoint post_at = kNever;   // senders are told then that it was posted
    bool stall_told = false;
    WaitNotice notice;
    OutcomeGrace grace;           // begins with an abort request
  };

  Context& context_;
  CallHost& host_;
  NewCall call_;
  const OpId op_;
  const uint64_t fingerprint_;
  size_t report_bytes_ = 0;
  std::vector<PeerId> members_;  // of the op's generation, less the dead

  Phase phase_ = Phase::kWaiting;
  Waits waits_;
  std::optional<Error> abort_wanted_;
  // Some of its segments stand: it ends in a commit, whatever is asked.
  bool past_abort_ = false;
  std::optional<Ending> ending_;

  // In which the next attempt begins: that of the call, and later that of a round in which all have
  // begun anew. An update alone changes nothing. Say a member has called while a round about this
  // op was open, and then in atollUpdate, and hears of the round's end and of the new view in one
  // message: the others have begun in the view before, and so does it.
  Epoch begins_in_;
  // Of the present attempt.
  AttemptId attempt_;
  uint32_t attempts_ = 0;
  std::set<PeerId> arrived_;          // heard of
  std::vector<PeerId> contributors_;  // to it, or to the result that is fetched
  std::vector<PeerId> holders_;       // kFetching: still to be asked, the present one first
  bool fetched_ = false;              // complete with a fetched result
  bool done_told_ = false;
  bool done_wanted_ = false;  // by somebody who has no room
  bool asked_for_done_ = false;
};

}  // namespace atoll_core::engine
