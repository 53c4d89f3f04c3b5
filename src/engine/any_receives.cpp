#include "engine/any_receives.h"

#include <algorithm>

#include "base/assert.h"

namespace atoll_core::engine {
namespace {

void drop_one(std::map<uint64_t, size_t>& counts, uint64_t tag) {
  const auto found = counts.find(tag);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

}  // namespace

void AnyReceives::add(Receive receive) {
  receive.number = ++numbers_;
  ++in_flight_[receive.tag()];
  const Place place{receive.tag(), receive.number};
  waiting_.emplace(place, std::move(receive));
}

AnyReceives::Receive* AnyReceives::first(uint64_t tag) {
  const auto found = waiting_.lower_bound({tag, 0});
  return found == waiting_.end() || found->first.first != tag ? nullptr : &found->second;
}

bool AnyReceives::waits(uint64_t tag) const {
  const auto found = waiting_.lower_bound({tag, 0});
  return found != waiting_.end() && found->first.first == tag;
}

const AnyReceives::Receive& AnyReceives::take(uint64_t tag) {
  const auto found = waiting_.lower_bound({tag, 0});
  ATOLL_ASSERT(found != waiting_.end() && found->first.first == tag, "none waits on tag {}", tag);
  count(found->second, -1, +1);
  const CallId call = found->second.call;
  const auto taken = taken_.emplace(call, std::move(found->second)).first;
  waiting_.erase(found);
  return taken->second;
}

std::optional<AnyReceives::Receive> AnyReceives::end_taken(CallId call) {
  const auto found = taken_.find(call);
  if (found == taken_.end()) return std::nullopt;
  Receive receive = std::move(found->second);
  taken_.erase(found);
  drop_one(in_flight_, receive.tag());
  return receive;
}

void AnyReceives::put_back(Receive receive) {
  count(receive, +1, -1);
  ++in_flight_[receive.tag()];
  const Place place{receive.tag(), receive.number};
  waiting_.emplace(place, std::move(receive));
}

std::optional<AnyReceives::Receive> AnyReceives::remove(CallId call) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(), [call](const auto& entry) {
    return entry.second.call == call;
  });
  if (found == waiting_.end()) return std::nullopt;
  Receive receive = std::move(found->second);
  waiting_.erase(found);
  drop_one(in_flight_, receive.tag());
  count(receive, -1, 0);
  return receive;
}

std::vector<uint64_t> AnyReceives::tags() const {
  std::vector<uint64_t> tags;
  for (const auto& [place, receive] : waiting_) {
    if (tags.empty() || tags.back() != place.first) tags.push_back(place.first);
  }
  return tags;
}

void AnyReceives::named_ends(uint64_t tag) { drop_one(named_, tag); }

void AnyReceives::begin_update() {
  update_.clear();
  for (auto& [call, receive] : taken_) receive.in_update = false;
  for (auto& [place, receive] : waiting_) {
    receive.in_update = true;
    wire::AnyReceives& counted = update_[receive.tag()];
    counted.tag = receive.tag();
    ++counted.open;
  }
}

std::vector<wire::AnyReceives> AnyReceives::in_update() const {
  std::vector<wire::AnyReceives> receives;
  for (const auto& [tag, counted] : update_) receives.push_back(counted);
  return receives;
}

void AnyReceives::count(const Receive& receive, int open, int taken) {
  const auto found = update_.find(receive.tag());
  if (!receive.in_update || found == update_.end()) return;
  found->second.open += static_cast<uint64_t>(open);
  found->second.taken += static_cast<uint64_t>(taken);
}

}  // namespace atoll_core::engine
