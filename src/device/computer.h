// On which computer this process is, and how much of it it may use.
#pragma once

#include <cstdint>

namespace atoll_core::device {

// The same for all processes since the computer was started, in whatever container; another one on
// every other computer. 0: the system does not tell.
uint64_t computer_id();

// CPUs that this process may run on; at least 1.
uint32_t usable_cpus();

}  // namespace atoll_core::device
