// What a process of this computer takes, by /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace atoll_cli {

struct ProcessUse {
  uint64_t resident_kib = 0;
  uint64_t private_kib = 0;  // anonymous pages
  uint64_t descriptors = 0;
  uint64_t threads = 0;
};

// Nothing when it has ended, or may not be looked at.
std::optional<ProcessUse> process_use(pid_t pid);

}  // namespace atoll_cli
