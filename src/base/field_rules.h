// What fields of messages may hold, where a caller of the library has a say in it. The decoder
// refuses a message by these rules, and the call that was given the value refuses that by the same
// ones: so a caller cannot make a peer send what its coordinator answers by throwing it out.
// docs/PROTOCOL.md has the table of all fields.
//
// A problem is the end of a sentence that begins with the name of the field or argument: "has 129
// bytes, at most 128 are allowed". None: empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace atoll_core {

static_assert(limits::kCallBytes <= limits::kElements);
// So many (group, tag) pairs may have calls in one generation: where members stand at different
// calls, each tells all of them in one message.
inline constexpr size_t kCallNamesMax = limits::kCallPositions;
// The one above it is atollUpdate's own (membership/common/update_tag.h).
inline constexpr uint64_t kTagMax = ~uint64_t{0} - 1;
// A sync is told of as a call of so many tensors.
static_assert(limits::kTensorsPerState <= limits::kTensorsPerBatch);

// Printable UTF-8.
std::string problem_with_text(std::string_view text, size_t bytes_max);
std::string problem_with_name(std::string_view name);  // of a peer, replica, run or tensor
std::string problem_with_host(std::string_view host);
std::string problem_with_number(uint64_t value, uint64_t min, uint64_t max);
std::string problem_with_list(size_t elements, size_t elements_max);

}  // namespace atoll_core
