// Durations as people write them on a command line.
#pragma once

#include <optional>
#include <string>

#include "stress_options.h"

namespace atoll_cli {

// "500ms", "1.5s", "2m", "3h"; nothing when it is not of that form, negative, or beyond a year.
std::optional<Milliseconds> parse_duration(const std::string& text);

}  // namespace atoll_cli
