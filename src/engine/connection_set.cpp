#include "engine/connection_set.h"

#include <algorithm>

namespace atoll_core::engine {

ConnectionSet::Change ConnectionSet::add(link::ConnectionKey key, Dialler dialler, uint8_t index,
                                         TimePoint now) {
  Change change;
  const Dialler other = dialler == Dialler::kHere ? Dialler::kThere : Dialler::kHere;
  // Two dials have crossed, and those of the first side have got through, too.
  if (dialler != first_ && younger_than_a_dial(other, now)) return change;
  change.stays = true;
  take_away(other, change);
  for (const auto& [standing, member] : all_) {
    if (member.dialler == dialler && member.index == index) change.gone.push_back(standing);
  }
  for (const link::ConnectionKey lost : change.gone) all_.erase(lost);
  all_[key] = {dialler, index, now};
  return change;
}

bool ConnectionSet::younger_than_a_dial(Dialler dialler, TimePoint now) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& entry) {
    return entry.second.dialler == dialler && now - entry.second.since < longest_dial_;
  });
}

void ConnectionSet::take_away(Dialler dialler, Change& change) {
  for (const auto& [key, member] : all_) {
    if (member.dialler == dialler) change.gone.push_back(key);
  }
}

std::vector<link::ConnectionKey> ConnectionSet::keys() const {
  std::vector<link::ConnectionKey> keys;
  for (const auto& [key, member] : all_) keys.push_back(key);
  return keys;
}

bool ConnectionSet::has(Dialler dialler) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const auto& entry) { return entry.second.dialler == dialler; });
}

Dialler ConnectionSet::dialler() const {
  return has(Dialler::kHere) ? Dialler::kHere : Dialler::kThere;
}

bool ConnectionSet::taken(uint8_t index) const {
  return std::any_of(all_.begin(), all_.end(), [&](const auto& entry) {
    return entry.second.dialler == Dialler::kHere && entry.second.index == index;
  });
}

}  // namespace atoll_core::engine
