// A copy that nobody is about to read.
#pragma once

#include <cstddef>

namespace atoll_core::kernels {

// As std::memcpy does, but past the caches: the target's lines are neither read before they are
// written nor kept, so that what is being worked on stays there. Slower than memcpy for whoever
// reads the target soon. Other threads that learn of the copy by the usual means see it whole.
void copy_aside(void* target, const void* source, size_t bytes);

}  // namespace atoll_core::kernels
