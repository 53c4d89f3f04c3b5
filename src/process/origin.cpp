#include "process/origin.h"

#include "process/fork_state.h"

namespace atoll_core::process {

uint64_t generation() { return fork_state().generation.load(std::memory_order_relaxed); }

Origin::Origin()
    : generation_(generation()), process_(fork_state().process.load(std::memory_order_relaxed)) {}

}  // namespace atoll_core::process
