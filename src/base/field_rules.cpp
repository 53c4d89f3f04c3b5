#include "base/field_rules.h"

#include <fmt/format.h>

#include "base/text.h"

namespace atoll_core {

std::string problem_with_text(std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return fmt::format("has {} bytes, at most {} are allowed", text.size(), bytes_max);
  }
  const size_t at = find_unprintable(text);
  if (at == text.size()) return "";
  return fmt::format("is not printable UTF-8: byte {} begins {}", at,
                     quote_bytes(as_bytes(text).subspan(at), 4));
}

std::string problem_with_name(std::string_view name) {
  return problem_with_text(name, limits::kNameBytes);
}

std::string problem_with_host(std::string_view host) {
  return host.empty() ? "is empty" : problem_with_text(host, limits::kHostBytes);
}

std::string problem_with_number(uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return "";
  return fmt::format("is {}, allowed are {} to {}", value, min, max);
}

std::string problem_with_list(size_t elements, size_t elements_max) {
  if (elements <= elements_max) return "";
  return fmt::format("has {} elements, at most {} are allowed", elements, elements_max);
}

}  // namespace atoll_core
