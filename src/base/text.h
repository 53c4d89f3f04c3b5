// Text that crosses the wire is UTF-8 without control characters, so that it can be put into logs,
// JSON and terminals as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace atoll_core {

// The first byte that is not part of printable UTF-8, or text.size().
size_t find_unprintable(std::string_view text);

// At most `bytes_max` bytes of `text`, cut between characters; what is unprintable becomes a space
// (control characters) or a question mark (bytes that are no UTF-8).
std::string make_printable(std::string_view text, size_t bytes_max);

// The first bytes of what should have been something else, for sentences: "GET /\x0d\x0a".
std::string quote_bytes(ByteSpan bytes, size_t bytes_max = 16);

// What a caller gave, for sentences: 'host:7700', and of a longer one the beginning and "...".
std::string quote_text(std::string_view text, size_t bytes_max = 300);

}  // namespace atoll_core
