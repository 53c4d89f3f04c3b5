// Durations as people write them on a command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace atoll_cli {

// "40us", "500ms", "1.5s", "2m", "3h"; nothing when it is not of that form, negative, or beyond a
// year.
std::optional<std::chrono::nanoseconds> parse_duration(const std::string& text);

}  // namespace atoll_cli
