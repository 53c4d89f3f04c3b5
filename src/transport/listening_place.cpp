#include "transport/listening_place.h"

#include <algorithm>
#include <system_error>

#include <asio/ip/address.hpp>

namespace atoll_core::transport {
namespace {

// Of a name that is no address: kName for "localhost", which each system resolves to loopback
// (RFC 6761, section 6.3), and kElsewhere for all others.
enum class Kind { kV4, kV6, kName, kElsewhere };

Kind kind_of(const Endpoint& endpoint) {
  if (endpoint.host == "localhost") return Kind::kName;
  std::error_code error;
  const asio::ip::address address = asio::ip::make_address(endpoint.host, error);
  if (error || !address.is_loopback()) return Kind::kElsewhere;
  return address.is_v4() ? Kind::kV4 : Kind::kV6;
}

}  // namespace

ListeningPlace listening_place(const std::vector<Endpoint>& coordinators,
                               const std::vector<Endpoint>& advertise) {
  const auto any_elsewhere = [](const std::vector<Endpoint>& all) {
    return std::any_of(all.begin(), all.end(), [](const Endpoint& one) {
      return kind_of(one) == Kind::kElsewhere;
    });
  };
  if (any_elsewhere(coordinators) || any_elsewhere(advertise)) return {};
  for (const auto& [kind, host] : {std::pair{Kind::kV4, "127.0.0.1"}, {Kind::kV6, "::1"}}) {
    const auto fits = [&](const Endpoint& one) { return kind_of(one) == kind; };
    const auto is_it = [&](const Endpoint& one) { return one.host == host; };
    if (std::all_of(coordinators.begin(), coordinators.end(), fits) &&
        std::all_of(advertise.begin(), advertise.end(), is_it)) {
      return {host, true};
    }
  }
  return {"", true};
}

}  // namespace atoll_core::transport
