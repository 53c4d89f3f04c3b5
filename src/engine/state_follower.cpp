#include "engine/state_follower.h"

#include <algorithm>
#include <utility>

#include "engine/background.h"
#include "engine/state_frame.h"

namespace atoll_core::engine {
namespace {
constexpr Duration kFirstBackoff = std::chrono::milliseconds(100);
constexpr Duration kLongestBackoff = std::chrono::seconds(2);
}  // namespace

void StateFollower::begin(FollowCall call) {
  call_ = std::move(call);
  waits_ = call_->patience > Duration::zero();
  patience_ends_ = waits_ ? context_.now + call_->patience : kNever;
  backoff_ = kFirstBackoff;
  copied_ = false;
  tell();
}

void StateFollower::end() {
  stop_fetch();
  call_.reset();
  failure_.reset();
  offer_.reset();
  patience_ends_ = kNever;
}

void StateFollower::tell() {
  wire::FollowState held;
  held.tag = call_->tag;
  held.waits = waits_;
  if (!call_->table->torn()) {
    held.revision = call_->table->revision();
    held.digest = call_->digests.whole;
    held.committed = call_->table->committed();
  }
  membership_.send(held);
}

void StateFollower::on_offer(wire::StateOffer offer) {
  if (!active() || offer.tag != call_->tag) return;
  context_.trace("state.offer");
  const AttemptId attempt =
      background_attempt(membership_.self().shard, offer.tag, offer.revision);
  context_.note({FlightKind::kStateOffer, &attempt.op, {}, offer.revision});
  // The members have synced again what they held.
  if (fetch_ != nullptr && offer_->digest == offer.digest && attempt == attempt_) return;
  stop_fetch();
  attempt_ = attempt;
  offer_ = std::move(offer);
  backoff_ = kFirstBackoff;
  start_fetch();
}

void StateFollower::start_fetch() {
  state::FetchPlan plan;
  plan.revision = offer_->revision;
  plan.digest = offer_->digest;
  plan.tensors = offer_->tensors;
  for (const PeerId holder : offer_->holders) {
    if (links_.has_link(holder)) plan.holders.push_back(holder);
  }
  plan.in_place = copied_ || !call_->table->holds_content();
  plan.replaces_a_copy = copied_;
  auto made = state::FetchMachine::create(std::move(plan), *call_->table, call_->digests);
  if (!made) {
    failure_ = made.error();
    return;
  }
  fetch_ = std::move(*made);
  stalled_at_ = context_.now + context_.config.progress_timeout;
  advance();
}

void StateFollower::stop_fetch() {
  if (fetch_ != nullptr) links_.revoke(attempt_);
  fetch_.reset();
  refused_.clear();
  retry_at_ = stalled_at_ = kNever;
}

void StateFollower::retry_later() {
  if (retry_at_ != kNever) return;
  retry_at_ = context_.now + backoff_;
  backoff_ = std::min(2 * backoff_, kLongestBackoff);
}

void StateFollower::on_links() {
  if (fetch_ == nullptr) return;
  for (const PeerId holder : offer_->holders) {
    if (!links_.has_link(holder)) fetch_->on_holder_lost(holder);
  }
  advance();
}

void StateFollower::on_registered() {
  if (!active()) return;
  stop_fetch();  // what was asked for went with the links
  if (offer_) retry_later();
}

void StateFollower::deliver(PeerId from, const wire::FrameHeader& header, ByteSpan payload) {
  if (fetch_ == nullptr || header.attempt != attempt_) return;
  stalled_at_ = context_.now + context_.config.progress_timeout;
  if (header.kind == wire::FrameKind::kStateRefused) {
    // It does not hold this revision yet, or no longer.
    fetch_->on_holder_lost(from);
    refused_.insert(from);
    retry_later();
  } else if (header.kind == wire::FrameKind::kStateData) {
    context_.trace("state.fetch");
    const auto name = state::request_of(header);
    const Result<void> used = name ? fetch_->on_response(from, *name, payload)
                                   : tl::unexpected<Error>(name.error());
    // What was asked of somebody else meanwhile may still come.
    if (!used) context_.log(1, used.error().message);
  }
  advance();
}

void StateFollower::advance() {
  if (fetch_->failure()) {
    context_.log(2, fetch_->failure()->message);
    fetch_.reset();
    refused_.clear();
    stalled_at_ = kNever;
    return retry_later();
  }
  if (fetch_->complete()) return become_level();
  std::vector<state::FetchRequest> requests;
  fetch_->take_requests(requests);
  for (const state::FetchRequest& request : requests) {
    send_state_frame(links_, request.holder, wire::FrameKind::kStateRequest, {attempt_, 0},
                     request.request);
  }
}

void StateFollower::become_level() {
  const uint64_t bytes = fetch_->counters().bytes_received;
  const Result<state::StateDigests> taken = fetch_->commit();
  stop_fetch();
  if (!taken) {
    context_.log(3, taken.error().message);
    return retry_later();
  }
  copied_ = true;
  call_->table->note_committed({offer_->instance, offer_->revision});
  context_.trace("state.level");
  context_.note({FlightKind::kStateLevel, &attempt_.op, {}, offer_->revision,
                 fmt::format("{} bytes fetched", bytes)});
  context_.log(2, fmt::format("revision {} of the members' state is here, {} bytes were fetched",
                              offer_->revision, bytes));
  tell();
}

void StateFollower::tick() {
  if (!active()) return;
  if (patience_ends_ <= context_.now) {
    patience_ends_ = kNever;
    waits_ = false;
    tell();
  }
  if (stalled_at_ <= context_.now) {
    stop_fetch();
    retry_later();
  }
  if (retry_at_ > context_.now) return;
  retry_at_ = kNever;
  if (fetch_ == nullptr) return start_fetch();
  for (const PeerId holder : std::exchange(refused_, {})) fetch_->on_holder_back(holder);
  advance();
}

TimePoint StateFollower::next_deadline() const {
  return std::min({patience_ends_, retry_at_, stalled_at_});
}

}  // namespace atoll_core::engine
