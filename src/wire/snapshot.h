// What a coordinator keeps on disk from one life to the next. It is never needed: what a run is,
// its members tell. It spares a coordinator of a run without members the wait for some that might
// come, and gives each life an incarnation of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"

namespace atoll_core::wire {

struct Snapshot {
  std::string run;           // as configured; empty: any
  uint32_t incarnation = 0;  // the counter
  bool has_members = false;  // or may have
  InstanceId instance;       // that it has driven last; zero: none, or its members have left it
  bool operator==(const Snapshot&) const = default;
};

std::string encode(const Snapshot& snapshot);
Result<Snapshot> decode_snapshot(std::string_view bytes);

}  // namespace atoll_core::wire
