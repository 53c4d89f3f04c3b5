#include "stress_duration.h"

#include <cctype>
#include <cstdlib>
#include <utility>

namespace atoll_cli {

std::optional<Milliseconds> parse_duration(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  constexpr std::pair<const char*, double> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
  constexpr double kYear = 365.0 * 24 * 3'600'000;
  for (const auto& [unit, milliseconds] : kUnits) {
    if (std::string(end) != unit) continue;
    const double total = number * milliseconds;
    if (!(total <= kYear)) return std::nullopt;
    return Milliseconds(static_cast<int64_t>(total));
  }
  return std::nullopt;
}

}  // namespace atoll_cli
