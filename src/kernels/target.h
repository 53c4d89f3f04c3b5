// Which SIMD instruction set the kernels run on.
//
// The best one of the CPU is taken, unless the environment variable ATOLL_SIMD_TARGET names
// another: a name as supported_simd_targets() gives it, in any case, or "scalar" for the plain
// loops, which every build has. A name that is unknown, or that this CPU or build lacks, is
// ignored. The variable is read once, before the first kernel runs. Every target gives the same
// bits; the choice is for tests, and for a CPU whose wide units are not worth their clock penalty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace atoll_core::kernels {

// The target in use, for example "AVX2".
std::string_view simd_target_name();

// What this build can use on this CPU, best first; the plain loops ("SCALAR" or "EMU128") are last.
std::vector<std::string> supported_simd_targets();

// For tests: moves all kernels of the process to `name`, or to the best target for an empty name.
// False, and no change, for a name that ATOLL_SIMD_TARGET would ignore. No kernel may run
// meanwhile.
bool force_simd_target(std::string_view name);

// Called by every dispatching kernel: reads the environment on the first call, then costs a load.
void choose_simd_target();

}  // namespace atoll_core::kernels
