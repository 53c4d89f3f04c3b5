#include "tools/atoll/wanlab/quantities.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace atoll_cli {
namespace {

constexpr double kSlowest = 1e3;
constexpr double kFastest = 100e9;

// The number at the beginning, and what follows it.
std::optional<std::pair<double, std::string>> number_and_rest(const std::string& text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
  if (text.find_first_of("xX") != std::string::npos) return std::nullopt;  // hexadecimal
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return std::pair(number, std::string(end));
}

std::string format(double number, const char* unit) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4g %s", number, unit);
  return text;
}

}  // namespace

std::optional<double> parse_rate(const std::string& text) {
  if (text == "unlimited") return 0;
  const auto parts = number_and_rest(text);
  if (!parts) return std::nullopt;
  constexpr std::pair<const char*, double> kUnits[] = {
      {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
  for (const auto& [unit, bits] : kUnits) {
    if (parts->second != unit) continue;
    const double rate = parts->first * bits;
    if (!(rate >= kSlowest && rate <= kFastest)) return std::nullopt;
    return rate;
  }
  return std::nullopt;
}

std::optional<double> parse_percentage(const std::string& text) {
  const auto parts = number_and_rest(text);
  if (!parts) return std::nullopt;
  if (parts->second.empty() && parts->first == 0) return 0;
  if (parts->second != "%" || !(parts->first <= 100)) return std::nullopt;
  return parts->first / 100;
}

std::string format_rate(double bits_per_second) {
  if (bits_per_second == 0) return "unlimited";
  if (bits_per_second >= 1e9) return format(bits_per_second / 1e9, "Gbit/s");
  if (bits_per_second >= 1e6) return format(bits_per_second / 1e6, "Mbit/s");
  return format(bits_per_second / 1e3, "kbit/s");
}

std::string format_milliseconds(double milliseconds) { return format(milliseconds, "ms"); }

}  // namespace atoll_cli
