// What the frames of others do to a call.
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/canary.h"
#include "engine/call_machine.h"

namespace atoll_core::engine {

CallMachine::Relation CallMachine::relation(const AttemptId& attempt) const {
  // The commit is provisional until the result is here: when its holders are lost, the next round
  // may let all begin again, and others may hear of that before this peer does.
  const bool fetches = phase_ == Phase::kFetching || fetched_;
  const bool old = !is_later(attempt.epoch, attempt_.epoch);
  if (fetches && old) return Relation::kPast;
  const bool moving = phase_ != Phase::kWaiting && !fetches;
  if (moving && attempt_.epoch == attempt.epoch) return Relation::kCurrent;
  if (moving && broken(Canary::kSkipFence)) return Relation::kCurrent;
  return attempts_ > 0 && old ? Relation::kPast : Relation::kNotBegun;
}

bool CallMachine::check_fingerprint(PeerId from, uint64_t fingerprint) {
  if (fingerprint == fingerprint_) return true;
  if (!abort_wanted_) {
    request_abort(ErrorCode::kMismatch, fmt::format("{} and {} differ in {}", self_name(),
                                                    names_of({from}), describe()));
  }
  return false;
}

void CallMachine::tell_difference(const CountDifference& difference) {
  if (abort_wanted_) return;
  request_abort(ErrorCode::kMismatch,
                fmt::format("{} sends {} elements to {} in {}, which expects {}",
                            names_of({difference.sender}), difference.sent, self_name(),
                            describe(), difference.expected));
}

void CallMachine::send_posted(const std::vector<PeerId>& to, PostedNotice notice) {
  for (const PeerId peer : to) {
    if (peer != host_.self().id) host_.send_posted(attempt_, fingerprint_, peer, notice);
  }
}

void CallMachine::hear_posted(PeerId from, const Stash::Posted& posted) {
  if (doomed() || !check_fingerprint(from, posted.fingerprint)) return;
  if (arrived_.insert(from).second) waits_.last_progress = context_.now;
  host_.grant(from, attempt_, posted.total);
}

void CallMachine::hear_elsewhere(PeerId from, const std::string& groups) {
  if (!has_attempt() || !lacks(from) || abort_wanted_) return;
  request_abort(ErrorCode::kMismatch, fmt::format("{} differs in its group: {}", describe(),
                                                  groups));
}

void CallMachine::hear_done_wanted() {
  if (!call_.body->small()) return;
  done_wanted_ = true;
  advance();
}

// Whoever sends data of an attempt has posted it, and takes all of it.
void CallMachine::hear_data(PeerId from) {
  if (!arrived_.insert(from).second) return;
  host_.grant(from, attempt_, std::numeric_limits<uint64_t>::max());
}

Result<link::Placement> CallMachine::place(PeerId from, const wire::FrameHeader& header) {
  if (doomed() || !check_fingerprint(from, header.fingerprint)) return link::Placement{};
  Result<link::Placement> placement = call_.body->place(from, header);
  if (const CountDifference* differs = call_.body->difference()) tell_difference(*differs);
  return placement;
}

Result<void> CallMachine::deliver(PeerId from, const wire::FrameHeader& header,
                                  const link::Payload& payload) {
  if (doomed()) return {};
  // A frame without a payload comes here also when it was given no place.
  if (header.payload_bytes == 0 && !check_fingerprint(from, header.fingerprint)) return {};
  hear_data(from);
  waits_.last_progress = context_.now;
  Result<void> delivered = call_.body->deliver(from, header, payload);
  if (!delivered) return delivered;
  after_progress();
  return {};
}

void CallMachine::replay_stash() {
  Stash::Entry entry = host_.take_stash(attempt_);
  for (const auto& [peer, posted] : entry.posted) hear_posted(peer, posted);
  for (const Stash::Chunk& chunk : entry.chunks) {
    if (!check_fingerprint(chunk.from, chunk.header.fingerprint)) return;
    Result<link::Placement> placement = call_.body->place(chunk.from, chunk.header);
    if (!placement || placement->kind == link::Placement::Kind::kDiscard) continue;
    ByteSpan payload = chunk.payload;
    if (placement->kind == link::Placement::Kind::kDirect) {
      // An empty block is a chunk without payload.
      if (!payload.empty()) {
        std::memcpy(placement->destination.data(), payload.data(), payload.size());
      }
      payload = placement->destination;
    }
    if (!call_.body->deliver(chunk.from, chunk.header, {payload, nullptr})) continue;
    hear_data(chunk.from);
  }
}

void CallMachine::take_late_stash() {
  if (doomed()) return;
  replay_stash();
  waits_.last_progress = context_.now;
  after_progress();
}

// ---- fetching a result -------------------------------------------------------------------------

void CallMachine::begin_fetch(const wire::Verdict& verdict) {
  context_.trace("result.fetch");
  context_.note({FlightKind::kResultFetch, &op_, {}, verdict.holders.size()});
  revoke();
  if (phase_ != Phase::kWaiting && !call_.doomed) call_.body->abandon();
  phase_ = Phase::kFetching;
  fetched_ = false;
  done_wanted_ = false;
  attempt_ = {op_, verdict.epoch};
  attempts_ = std::max(attempts_, 1u);
  contributors_ = verdict.contributors;
  holders_ = verdict.holders;
  waits_.last_progress = context_.now;
  ask_holder();
}

void CallMachine::ask_holder() {
  if (!holders_.empty()) return host_.ask_result(attempt_, fingerprint_, holders_.front());
  if (abort_wanted_) return;  // and its grace runs out
  request_abort(ErrorCode::kInternalError,
                fmt::format("nobody has the result of {}, which has committed", describe()));
}

void CallMachine::hear_result(PeerId from, const wire::FrameHeader& header, ByteSpan payload) {
  const bool asked = phase_ == Phase::kFetching && attempt_ == header.attempt &&
                     !holders_.empty() && holders_.front() == from;
  if (!asked) return;
  waits_.last_progress = context_.now;
  Result<void> taken = header.kind == wire::FrameKind::kResultData
                           ? call_.body->take_result(payload, header.weighted, contributors_)
                           : atoll_core::fail(ErrorCode::kInternalError,
                                              "{} does not keep the result of {}",
                                              names_of({from}), describe());
  if (!taken) {
    context_.log(3, taken.error().message);
    holders_.erase(holders_.begin());
    return ask_holder();
  }
  phase_ = Phase::kComplete;
  fetched_ = true;
  advance();
}

}  // namespace atoll_core::engine
