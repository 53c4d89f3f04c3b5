// Whether a view has this peer in it: by its id, and by its session.
#pragma once

#include <algorithm>

#include "wire/view.h"

namespace atoll_core::membership {

inline bool has_place_for(const wire::PeerInfo& self, const wire::View& view) {
  return std::any_of(view.members.begin(), view.members.end(), [&](const auto& member) {
    return member.id == self.id && member.session == self.session;
  });
}

}  // namespace atoll_core::membership
