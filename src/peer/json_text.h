// What the two writers of JSON share.
#pragma once

#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace atoll_core::peer {

// Indented. Bytes that are no UTF-8, as in what the operating system says, are replaced.
inline std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

inline std::string group_text(Group group) {
  const bool of_shard = group != kGroupAll && group != kGroupReplica && !is_pair(group);
  if (is_pair(group)) return "slot " + group_name(group);
  return of_shard ? "shard " + group_name(group) : group_name(group);
}

}  // namespace atoll_core::peer
