#include "membership/common/view_delta.h"

#include <algorithm>
#include <set>

#include "wire/view_check.h"

namespace atoll_core::membership {
namespace {

bool contains(const std::vector<wire::PeerInfo>& peers, PeerId peer) {
  return std::any_of(peers.begin(), peers.end(),
                     [peer](const wire::PeerInfo& info) { return info.id == peer; });
}

std::string base_name(const std::optional<Epoch>& base) {
  return base ? "epoch " + to_string(*base) : "no view";
}

}  // namespace

void number_slots(wire::View& view) {
  view.slots.clear();
  for (wire::PeerInfo& member : view.members) {
    member.slot = static_cast<uint32_t>(view.slots.size());
    view.slots.push_back(member.id);
  }
}

wire::View without(const wire::View& view, const std::set<PeerId>& gone) {
  wire::View rest;
  rest.instance = view.instance;
  rest.epoch = view.epoch;
  rest.generation = view.generation;
  rest.slots = view.slots;
  std::vector<uint32_t> kept;
  for (uint32_t place = 0; place < view.members.size(); ++place) {
    if (gone.count(view.members[place].id) != 0) continue;
    kept.push_back(place);
    rest.members.push_back(view.members[place]);
  }
  rest.plan = topology::restrict(view.plan, kept);
  return rest;
}

wire::ViewDelta make_delta(const wire::View* base, const wire::View& next, std::string reason) {
  wire::ViewDelta delta;
  delta.instance = next.instance;
  delta.epoch = next.epoch;
  delta.generation = next.generation;
  delta.digest = wire::view_digest(next);
  delta.reason = std::move(reason);
  if (base == nullptr || base->generation != next.generation) delta.plan = next.plan;
  if (base == nullptr) {
    delta.added = next.members;
    if (next.slots.size() != next.members.size()) delta.slots = next.slots;
    return delta;
  }
  delta.base = base->epoch;
  for (const wire::PeerInfo& member : base->members) {
    if (!contains(next.members, member.id)) delta.removed.push_back(member.id);
  }
  for (const wire::PeerInfo& member : next.members) {
    if (!contains(base->members, member.id)) delta.added.push_back(member);
  }
  return delta;
}

wire::View next_view(const wire::View* base, const wire::ViewDelta& delta) {
  wire::View next;
  if (delta.base) next = without(*base, {delta.removed.begin(), delta.removed.end()});
  next.instance = delta.instance;
  next.epoch = delta.epoch;
  next.generation = delta.generation;
  if (delta.plan) next.plan = *delta.plan;
  next.members.insert(next.members.end(), delta.added.begin(), delta.added.end());
  const bool all_there = !delta.base && delta.slots.empty();
  if (all_there || next.epoch == next.generation.first) number_slots(next);
  else if (!delta.base) next.slots = delta.slots;
  return next;
}

Result<wire::View> apply_delta(const wire::View* base, const wire::ViewDelta& delta) {
  if (delta.base && (base == nullptr || base->epoch != *delta.base)) {
    const std::optional<Epoch> held = base ? std::optional(base->epoch) : std::nullopt;
    return fail(ErrorCode::kInternalError, "the view of epoch {} builds on {}, but {} is held",
                to_string(delta.epoch), base_name(delta.base), base_name(held));
  }
  wire::View next = next_view(base, delta);
  const auto members = static_cast<uint32_t>(next.members.size());
  if (auto fits = topology::validate(next.plan, members); !fits) {
    return fail(ErrorCode::kInternalError, "the view of epoch {}: {}", to_string(delta.epoch),
                fits.error().message);
  }
  if (const auto problem = wire::problem_of(next)) {
    return fail(ErrorCode::kInternalError, "the view of epoch {} {}", to_string(delta.epoch),
                *problem);
  }
  if (wire::view_digest(next) != delta.digest) {
    return fail(ErrorCode::kInternalError,
                "the view of epoch {} with {} members does not have the digest that came with it",
                to_string(delta.epoch), next.members.size());
  }
  return next;
}

}  // namespace atoll_core::membership
