#include "duration.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace atoll_cli {

std::optional<std::chrono::nanoseconds> parse_duration(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  constexpr std::pair<const char*, double> kUnits[] = {
      {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
  constexpr double kYear = 365.0 * 24 * 3600e9;
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (std::string(end) != unit) continue;
    const double total = number * nanoseconds;
    if (!(total <= kYear)) return std::nullopt;
    return std::chrono::nanoseconds(std::llround(total));
  }
  return std::nullopt;
}

}  // namespace atoll_cli
