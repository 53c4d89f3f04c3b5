// On x86, code that returns with the upper halves of the vector registers in use makes all SSE code
// that the thread runs afterwards several times slower, and that is most of the host program.
// Compilers clean up only when they optimize for speed, and some builds of xxHash do not at all.
#pragma once

namespace atoll_core {

// Called by every kernel, and after every use of xxHash, before returning; a few cycles.
void leave_vector_registers_clean();

}  // namespace atoll_core
