#include "capi/comm_config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "capi/argument_rules.h"
#include "capi/guard.h"

namespace atoll_core::capi {
namespace {

constexpr const char* kFunction = "atollCommCreate";

Result<std::string> name_of(const char* text, const char* argument) {
  std::string name = text == nullptr ? "" : text;
  ATOLL_TRY(require_none(problem_with_name(name), kFunction, argument));
  return name;
}

std::string default_name() {
  char host[256] = "peer";
  gethostname(host, sizeof(host) - 1);
  return fmt::format("{}-{}", make_printable(host, 64), getpid());
}

// An error says which argument it is about.
Result<Endpoint> named(Result<Endpoint> endpoint, const char* argument) {
  if (endpoint) return endpoint;
  const Error& error = endpoint.error();
  return fail(error.code, "{}: '{}': {}", kFunction, argument, error.message);
}

// "HOST" or "HOST:PORT"; a bare IPv6 address counts as HOST.
Result<Endpoint> host_with_optional_port(std::string_view text, const char* name) {
  const size_t colons = static_cast<size_t>(std::count(text.begin(), text.end(), ':'));
  if (colons == 1 || (!text.empty() && text.front() == '[' && text.back() != ']')) {
    return named(parse_endpoint(text), name);
  }
  if (text.size() > 2 && text.front() == '[') text = text.substr(1, text.size() - 2);
  const std::string problem = problem_with_host(text);
  if (problem.empty()) return Endpoint{std::string(text), 0};
  return fail(ErrorCode::kInvalidArgument, "{}: the address {} in '{}' {}", kFunction,
              quote_text(text), name, problem);
}

Result<std::vector<Endpoint>> endpoint_list(const char* text) {
  std::vector<Endpoint> endpoints;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    auto endpoint = host_with_optional_port(rest.substr(0, comma), "advertise");
    if (!endpoint) return tl::unexpected(endpoint.error());
    endpoints.push_back(std::move(*endpoint));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  if (endpoints.size() > limits::kEndpointsPerPeer) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} addresses in 'advertise', at most {}",
                kFunction, endpoints.size(), limits::kEndpointsPerPeer);
  }
  return endpoints;
}

Result<std::vector<Endpoint>> coordinator_list(const char* text) {
  std::vector<Endpoint> endpoints;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    auto endpoint = named(parse_endpoint(rest.substr(0, comma)), "coordinator");
    if (!endpoint) return tl::unexpected(endpoint.error());
    if (endpoint->port == 0) {
      return fail(ErrorCode::kInvalidArgument, "{}: the coordinator's port in {} is 0", kFunction,
                  quote_text(text));
    }
    if (std::string why = lacks_zone(endpoint->host); !why.empty()) {
      return fail(ErrorCode::kInvalidArgument, "{}: 'coordinator': {}", kFunction, why);
    }
    endpoints.push_back(std::move(*endpoint));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  if (endpoints.size() > limits::kCoordinators) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} coordinators, at most {}", kFunction,
                endpoints.size(), limits::kCoordinators);
  }
  return endpoints;
}

using MembershipConfig = decltype(engine::EngineConfig::membership);

Result<void> fill_identity(const atollCommConfig_t& config, MembershipConfig& membership) {
  auto name = name_of(config.name, "name");
  if (!name) return tl::unexpected(name.error());
  auto replica = name_of(config.replica, "replica");
  if (!replica) return tl::unexpected(replica.error());
  auto run = name_of(config.run, "run");
  if (!run) return tl::unexpected(run.error());
  auto& self = membership.self;
  self.name = name->empty() ? default_name() : *name;
  self.replica = *replica;  // empty: the session makes one up
  self.shard = config.shard;
  self.shard_count = config.shard_count;
  membership.run = *run;
  if (self.shard_count == 0 || self.shard_count > limits::kShardsPerReplica ||
      self.shard >= self.shard_count) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: shard {} of {} does not exist (1 to {} shards, counted from 0)", kFunction,
                self.shard, self.shard_count, limits::kShardsPerReplica);
  }
  if (self.shard_count > 1 && replica->empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: with {} shards 'replica' must say which replica this one belongs to",
                kFunction, self.shard_count);
  }
  return {};
}

Result<void> fill_timeouts(const atollCommConfig_t& config, engine::EngineConfig& engine) {
  const std::pair<uint32_t, const char*> required[] = {
      {config.connect_timeout_ms, "connect_timeout_ms"},
      {config.arrival_timeout_ms, "arrival_timeout_ms"},
      {config.progress_timeout_ms, "progress_timeout_ms"},
      {config.outcome_grace_ms, "outcome_grace_ms"},
      {config.coordinator_timeout_ms, "coordinator_timeout_ms"}};
  for (const auto& [value, name] : required) {
    if (value == 0) {
      return fail(ErrorCode::kInvalidArgument, "{}: '{}' must be greater than 0", kFunction, name);
    }
  }
  using std::chrono::milliseconds;
  engine.membership.connect_timeout = milliseconds(config.connect_timeout_ms);
  engine.membership.coordinator_timeout = milliseconds(config.coordinator_timeout_ms);
  engine.update_timeout = milliseconds(
      config.update_timeout_ms != 0 ? config.update_timeout_ms : config.arrival_timeout_ms);
  engine.arrival_timeout = milliseconds(config.arrival_timeout_ms);
  engine.progress_timeout = milliseconds(config.progress_timeout_ms);
  engine.outcome_grace = milliseconds(config.outcome_grace_ms);
  return {};
}

}  // namespace

std::string dump_prefix(const atollCommConfig_t& config) {
  if (config.dump_on_error != nullptr) return config.dump_on_error;
  const char* folder = std::getenv("ATOLL_DUMP_DIR");
  return folder == nullptr || *folder == '\0' ? "" : std::string(folder) + "/atoll";
}

Result<peer::SessionConfig> session_config(const atollCommConfig_t& config) {
  peer::SessionConfig session;
  ATOLL_TRY(require(config.coordinator, kFunction, "config->coordinator"));
  auto coordinators = coordinator_list(config.coordinator);
  if (!coordinators) return tl::unexpected(coordinators.error());
  session.coordinators = std::move(*coordinators);
  if (config.bind != nullptr) {
    auto bind = host_with_optional_port(config.bind, "bind");
    if (!bind) return tl::unexpected(bind.error());
    session.bind_host = bind->host;
    session.bind_port = bind->port;
  }
  if (config.advertise != nullptr) {
    auto advertise = endpoint_list(config.advertise);
    if (!advertise) return tl::unexpected(advertise.error());
    session.advertise = std::move(*advertise);
  }
  if (config.connections > limits::kConnectionsPerLink) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} connections per link, at most {}", kFunction,
                config.connections, limits::kConnectionsPerLink);
  }
  session.engine.input_backup.bytes_kept_max = config.input_backup_bytes;
  session.engine.input_backup.limit = config.input_backup_limit_bytes;
  session.engine.connections_per_link = config.connections;  // 0: chosen
  ATOLL_TRY(fill_identity(config, session.engine.membership));
  ATOLL_TRY(fill_timeouts(config, session.engine));
  process::LogCallback log;
  if (config.log != nullptr) {
    log = [callback = config.log, user = config.log_user](int level, std::string_view message) {
      callback(user, level, std::string(message).c_str());
    };
  }
  session.logger = process::make_logger("atoll", std::move(log));
  if (config.trace != nullptr) {
    session.engine.trace = [callback = config.trace, user = config.trace_user](const char* point) {
      callback(user, point);
    };
  }
  return session;
}

}  // namespace atoll_core::capi
