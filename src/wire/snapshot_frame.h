// The form of a file that must be whole or nothing: a header that tells a torn, damaged or foreign
// file from the one that was written, and the bytes themselves.
//
//   offset size
//        0    8  "ATOLLS01"
//        8   16  XXH3-128 of everything from offset 24, high part first
//       24    4  version, 1
//       28    8  bytes of the payload
//       36       payload
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace atoll_core::wire {

inline constexpr std::string_view kSnapshotMagic = "ATOLLS01";
inline constexpr size_t kSnapshotHeaderBytes = 36;

// A payload of at most limits::kSnapshotBytes, as what belongs into the file.
std::string frame_snapshot(std::string_view payload);

// The payload of a file that is intact; otherwise a sentence fragment that says what is wrong, to
// go behind the name of the file ("is cut off: 12 of 80 bytes").
Result<std::string> unframe_snapshot(std::string_view file);

}  // namespace atoll_core::wire
