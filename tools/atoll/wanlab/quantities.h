// Rates and probabilities as people write them, on a command line or in a matrix file.
#pragma once

#include <optional>
#include <string>

namespace atoll_cli {

// "100mbit", "1.5gbit", "64kbit", "9600bit" a second (powers of ten), "unlimited" (0). Nothing when
// it is not of that form, is below 1 kbit/s or beyond 100 Gbit/s.
std::optional<double> parse_rate(const std::string& text);

// "0.05%", "0"; nothing when it is not of that form or not within 0 to 100 %. As a probability.
std::optional<double> parse_percentage(const std::string& text);

// "100 Mbit/s", "unlimited".
std::string format_rate(double bits_per_second);
// "40 ms".
std::string format_milliseconds(double milliseconds);

}  // namespace atoll_cli
