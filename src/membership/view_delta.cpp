#include "membership/view_delta.h"

#include <algorithm>
#include <iterator>
#include <set>

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
  view.slots = 0;
  for (wire::PeerInfo& member : view.members) member.slot = view.slots++;
}

wire::ViewDelta make_delta(const wire::View* base, const wire::View& next, std::string reason) {
  wire::ViewDelta delta;
  delta.epoch = next.epoch;
  delta.generation = next.generation;
  delta.slots = next.slots;
  delta.digest = wire::view_digest(next);
  delta.reason = std::move(reason);
  if (base == nullptr) {
    delta.added = next.members;
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

Result<wire::View> apply_delta(const wire::View* base, const wire::ViewDelta& delta) {
  wire::View next{delta.epoch, delta.generation, {}, delta.slots};
  if (delta.base) {
    if (base == nullptr || base->epoch != *delta.base) {
      const std::optional<Epoch> held = base ? std::optional(base->epoch) : std::nullopt;
      return fail(ErrorCode::kInternalError, "the view of epoch {} builds on {}, but {} is held",
                  to_string(delta.epoch), base_name(delta.base), base_name(held));
    }
    const std::set<PeerId> removed(delta.removed.begin(), delta.removed.end());
    std::copy_if(base->members.begin(), base->members.end(), std::back_inserter(next.members),
                 [&removed](const wire::PeerInfo& info) { return removed.count(info.id) == 0; });
  }
  next.members.insert(next.members.end(), delta.added.begin(), delta.added.end());
  if (next.epoch == next.generation.first) number_slots(next);
  if (wire::view_digest(next) != delta.digest) {
    return fail(ErrorCode::kInternalError,
                "the view of epoch {} with {} members does not have the digest that came with it",
                to_string(delta.epoch), next.members.size());
  }
  return next;
}

}  // namespace atoll_core::membership
