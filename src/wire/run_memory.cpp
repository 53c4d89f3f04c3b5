#include "wire/run_memory.h"

#include <fmt/format.h>

namespace atoll_core::wire {

std::string to_string(const RunHistory& history) {
  const std::string last =
      history.syncs == 0 ? "" : fmt::format(", the last of revision {},", history.revision);
  return fmt::format("{} state sync{}{} and {} update{}", history.syncs,
                     history.syncs == 1 ? "" : "s", last, history.updates,
                     history.updates == 1 ? "" : "s");
}

}  // namespace atoll_core::wire
