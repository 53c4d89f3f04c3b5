#include "peer/state_json.h"

#include <unistd.h>

#include <chrono>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "peer/calls.h"
#include "peer/json_text.h"
#include "process/log.h"

namespace atoll_core::peer {
namespace {

using Json = nlohmann::ordered_json;
using Standing = membership::PeerMachine::Standing;
using engine::ControlWatch;

const char* state_text(const EngineReport& report) {
  if (report.left) return "left";
  switch (report.standing) {
    case Standing::kIdle: return "not connected";
    case Standing::kConnecting: return "connecting";
    case Standing::kRegistering: return "registering";
    case Standing::kPending: return "pending";
    case Standing::kMember: return "member";
    case Standing::kLeft: return "left";
    case Standing::kFailed: break;
  }
  return "failed";
}

const char* control_text(ControlWatch::Phase state) {
  switch (state) {
    case ControlWatch::Phase::kIdle: return "none";
    case ControlWatch::Phase::kDialling: return "dialling";
    case ControlWatch::Phase::kUp: return "up";
    case ControlWatch::Phase::kLost: break;
  }
  return "lost";
}

const char* link_text(const std::optional<wire::LinkState>& state) {
  if (!state) return "none yet";
  switch (*state) {
    case wire::LinkState::kUp: return "up";
    case wire::LinkState::kRefused: return "refused";
    case wire::LinkState::kUnreachable: break;
  }
  return "unreachable";
}

// Turns one report into JSON: moments become milliseconds before `now`, ids become names.
class Writer {
 public:
  Writer(const EngineReport& report, TimePoint now) : report_(report), now_(now) {
    for (const engine::LinkStatus& link : report_.links) {
      names_[link.peer.id] = link.peer.name;
    }
    names_[report_.self.id] = report_.self.name;
    if (!report_.view) return;
    for (const wire::PeerInfo& peer : report_.view->members) names_[peer.id] = peer.name;
  }

  void write(Json& json) const {
    json["peer"] = to_string(report_.self.id);
    json["session"] = to_string(report_.self.session);
    json["run"] = report_.run;
    json["frozen_by_settle_round"] = report_.frozen;
    if (report_.left) json["left"] = json_of(*report_.left);
    json["coordinator"] = control();
    if (report_.view) {
      json["incarnation"] = to_string(report_.view->epoch.incarnation);
      json["epoch"] = report_.view->epoch.number;
      json["generation"] = report_.view->generation.first.number;
      json["members"] = members();
    }
    json["update"] = Json::object({{"waiting", report_.update.has_value()}});
    if (report_.update) json["update"]["age_ms"] = age(report_.update->since);
    json["egress_bytes_per_second"] = report_.egress_bytes_per_second;
    json["links"] = Json::array();
    for (const engine::LinkStatus& link : report_.links) json["links"].push_back(json_of(link));
    json["calls"] = Json::array();
    for (const engine::CallReport& call : report_.calls) json["calls"].push_back(json_of(call));
    json["tables"] = json_of(report_.tables, report_.links.size());
    json["events_noted"] = report_.events_noted;
    json["events"] = Json::array();
    for (const engine::FlightEvent& event : report_.events) {
      json["events"].push_back(json_of(event));
    }
  }

 private:
  double age(TimePoint then) const {
    return std::chrono::duration<double, std::milli>(now_ - then).count();
  }
  std::string name(PeerId peer) const {
    const auto found = names_.find(peer);
    return found == names_.end() ? to_string(peer) : found->second;
  }
  static Json json_of(const Error& error) {
    return {{"result", error_name(error.code)}, {"reason", error.message}};
  }

  Json control() const {
    const ControlWatch& control = report_.control;
    Json json = {{"connection", control_text(control.phase())}, {"connects", control.connects()}};
    if (control.phase() != ControlWatch::Phase::kIdle) json["since_ms"] = age(control.since());
    if (control.heard()) json["heard_ms"] = age(*control.heard());
    if (!control.last_loss().empty()) json["last_loss"] = control.last_loss();
    return json;
  }

  Json members() const {
    Json list = Json::array();
    for (const wire::PeerInfo& peer : report_.view->members) {
      list.push_back({{"name", peer.name},
                      {"replica", peer.replica},
                      {"shard", peer.shard},
                      {"id", to_string(peer.id)}});
    }
    return list;
  }

  Json json_of(const engine::LinkStatus& link) const {
    Json json = {{"peer", link.peer.name},
                 {"id", to_string(link.peer.id)},
                 {"state", link_text(link.state)},
                 {"connections", link.connections},
                 {"dialling", link.dials_in_flight},
                 {"redials", link.redials},
                 {"rtt_us", link.rtt_us},
                 {"bytes_per_second", link.bytes_per_second},
                 {"bytes_sent", link.payload_sent},
                 {"bytes_received", link.payload_received},
                 {"frames_resent", link.frames_resent}};
    json["heard_ms"] = link.heard ? Json(age(*link.heard)) : Json(nullptr);
    return json;
  }

  Json json_of(const engine::CallReport& call) const {
    Json json = {{"call", wire::to_string(call.description)},
                 {"group", group_text(call.op.group)},
                 {"tag", call.op.tag},
                 {"sequence", call.op.sequence},
                 {"phase", call.phase},
                 {"age_ms", age(call.begun)},
                 {"idle_ms", age(call.last_progress)},
                 {"attempts", call.attempts},
                 {"bytes_sent", call.bytes_sent},
                 {"bytes_received", call.bytes_received}};
    json["awaited"] = Json::array();
    for (const PeerId peer : call.awaited) json["awaited"].push_back(name(peer));
    if (call.abort_wanted) json["abort_wanted"] = json_of(*call.abort_wanted);
    if (call.kept) {
      json["elements"] = {{"of", call.description.count},
                          {"complete_here", call.kept->complete_below},
                          {"complete_on_all", call.kept->stable_below}};
    }
    return json;
  }

  static Json json_of(const engine::TableSizes& tables, size_t links) {
    return {{"names", tables.names},
            {"open_calls", tables.open_calls},
            {"ended_calls", tables.ended_calls},
            {"early_verdicts", tables.early_verdicts},
            {"stashed_attempts", tables.stashed_attempts},
            {"stashed_bytes", tables.stashed_bytes},
            {"links", links},
            {"log_lines_waiting", process::stderr_lines_waiting()}};
  }

  Json json_of(const engine::FlightEvent& event) const {
    Json json = {{"ms", -age(event.at)}, {"event", engine::to_string(event.kind)}};
    if (event.about_op) {
      json["group"] = group_text(event.group);
      json["tag"] = event.tag;
      json["sequence"] = event.sequence;
    }
    if (event.peer != 0) json["peer"] = name(PeerId{event.peer});
    if (event.number != 0) json["number"] = event.number;
    if (event.text_bytes != 0) json["text"] = event.words();
    return json;
  }

  const EngineReport& report_;
  const TimePoint now_;
  std::map<PeerId, std::string> names_;
};

// What is known when the I/O thread cannot be asked.
void write_snapshot(const Snapshot& snapshot, Json& json) {
  json["peer"] = to_string(snapshot.self);
  if (snapshot.view) json["epoch"] = snapshot.view->epoch.number;
  json["connections"] = snapshot.connections;
  json["bytes_sent"] = snapshot.bytes_sent;
  json["bytes_received"] = snapshot.bytes_received;
}

}  // namespace

std::string state_json(const SessionConfig& config, const Session* session,
                       const std::optional<EngineReport>& last) {
  const auto& self = config.engine.membership.self;
  const std::chrono::duration<double> wall = std::chrono::system_clock::now().time_since_epoch();
  Json json = {{"time", wall.count()},
               {"process", getpid()},
               {"name", self.name},
               {"replica", self.replica},
               {"shard", self.shard},
               {"shard_count", self.shard_count}};
  Json addresses = Json::array();
  for (const Endpoint& endpoint : config.coordinators) addresses.push_back(to_string(endpoint));
  json["coordinator_addresses"] = addresses;
  if (session == nullptr) {
    json["state"] = "not connected";
    if (last) Writer(*last, now()).write(json);
    return text_of(json);
  }
  json["listening_port"] = session->listening_port();
  const std::optional<EngineReport> report = session->report(kReportPatience);
  json["state"] = report ? state_text(*report) : "unknown";
  json["io_thread"] = report ? session->io_ended() ? "ended" : "answers" : "does not answer";
  if (report) {
    Writer(*report, now()).write(json);
  } else {
    json["io_thread_waited_ms"] = to_ms(kReportPatience);
    write_snapshot(session->snapshot(), json);
  }
  return text_of(json);
}

}  // namespace atoll_core::peer
