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
  if (group == kGroupAll) return "all";
  if (group == kGroupReplica) return "replica";
  return fmt::format("shard {}", group);
}

}  // namespace atoll_core::peer
