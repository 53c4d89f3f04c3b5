#include "base/endpoint.h"

#include <charconv>

#include "base/field_rules.h"
#include "base/text.h"

namespace atoll_core {

Result<Endpoint> parse_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "{} is not HOST:PORT: it has no port",
                quote_text(text));
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "{}: write an IPv6 address as [ADDRESS]:PORT",
                quote_text(text));
  }
  if (const std::string problem = problem_with_host(host); !problem.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} is not HOST:PORT: the host {}", quote_text(text),
                problem);
  }
  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size()) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} is not a port (0 to 65535)",
                quote_text(text), quote_text(port_text));
  }
  return Endpoint{std::string(host), port};
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.host.find(':') != std::string::npos) {
    return fmt::format("[{}]:{}", endpoint.host, endpoint.port);
  }
  return fmt::format("{}:{}", endpoint.host, endpoint.port);
}

std::string lacks_zone(std::string_view host) {
  // fe80::/10, the first group of which is always written with all four digits.
  const bool link_local = host.size() > 4 && (host[0] == 'f' || host[0] == 'F') &&
                          (host[1] == 'e' || host[1] == 'E') &&
                          std::string_view("89abAB").find(host[2]) != std::string_view::npos &&
                          host[3] != ':' && host[4] == ':';
  if (!link_local || host.find('%') != std::string_view::npos) return {};
  return fmt::format("{} is a link-local address: say over which interface, as in {}%eth0", host,
                     host);
}

}  // namespace atoll_core
