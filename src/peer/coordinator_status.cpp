#include "peer/coordinator_status.h"

#include <map>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "peer/json_text.h"
#include "transport/control_exchange.h"
#include "wire/control.h"
#include "wire/control_framing.h"

namespace atoll_core::peer {
namespace {

using Json = nlohmann::ordered_json;

Result<wire::Status> ask(const Endpoint& coordinator, Duration timeout) {
  std::string question(wire::kControlPreamble);
  wire::append_framed(wire::encode(wire::ToCoordinator(wire::StatusRequest{})), question);
  wire::ControlFramer framer;
  std::optional<Result<wire::Status>> answer;
  const auto exchanged = transport::control_exchange(
      {coordinator}, timeout, std::move(question), [&](ByteSpan bytes) {
        std::vector<std::string> messages;
        const Result<void> fed = framer.feed(bytes, messages);
        if (!fed) answer.emplace(tl::unexpected<Error>(fed.error()));
        if (messages.empty()) return answer.has_value();
        Result<wire::ToPeer> message = wire::decode_to_peer(messages.front());
        if (!message) {
          answer.emplace(tl::unexpected<Error>(message.error()));
        } else if (auto* status = std::get_if<wire::Status>(&*message)) {
          answer.emplace(std::move(*status));
        } else if (auto* refused = std::get_if<wire::Refused>(&*message)) {
          answer.emplace(fail(refused->code, "the coordinator at {} does not tell its status: {}",
                              to_string(coordinator), refused->reason));
        } else {
          answer.emplace(fail(ErrorCode::kInternalError, "the coordinator at {} answered with {}",
                              to_string(coordinator), wire::name_of(*message)));
        }
        return true;
      });
  if (!exchanged) return tl::unexpected<Error>(exchanged.error());
  return *answer;
}

class Names {
 public:
  explicit Names(const wire::Status& status) {
    for (const wire::PeerStatus& peer : status.peers) names_[peer.peer.id] = peer.peer.name;
  }
  Json of(const std::vector<PeerId>& peers) const {
    Json list = Json::array();
    for (const PeerId peer : peers) {
      const auto found = names_.find(peer);
      list.push_back(found == names_.end() ? to_string(peer) : found->second);
    }
    return list;
  }

 private:
  std::map<PeerId, std::string> names_;
};

Json json_of(const wire::PeerStatus& status) {
  const wire::PeerInfo& peer = status.peer;
  return {{"name", peer.name},
          {"replica", peer.replica},
          {"shard", peer.shard},
          {"shard_count", peer.shard_count},
          {"id", to_string(peer.id)},
          {"address", peer.endpoints.empty() ? "" : to_string(peer.endpoints.front())},
          {"control_from", status.remote},
          {"state", wire::to_string(status.standing)},
          {"silent_ms", status.silent_ms},
          {"updating", status.updating}};
}

Json json_of(const wire::OpStatus& op, const Names& names) {
  return {{"call", op.what},
          {"group", group_text(op.op.group)},
          {"tag", op.op.tag},
          {"sequence", op.op.sequence},
          {"known_ms", op.known_ms},
          {"done_count", op.done_count},
          {"awaited_count", op.awaited_count},
          {"done", names.of(op.done)},
          {"awaited", names.of(op.awaited)},
          {"not_called", names.of(op.absent)},
          {"abort_reason", op.abort_reason}};
}

}  // namespace

Result<std::string> coordinator_status_json(const Endpoint& coordinator, Duration timeout) {
  const Result<wire::Status> asked = ask(coordinator, timeout);
  if (!asked) return tl::unexpected<Error>(asked.error());
  const wire::Status& status = *asked;
  const Names names(status);
  Json json = {{"coordinator", to_string(coordinator)},
               {"run", status.run},
               {"instance", status.instance ? to_string(status.instance) : ""},
               {"committed",
                {{"state_syncs", status.history.syncs},
                 {"last_revision", status.history.revision},
                 {"updates", status.history.updates}}},
               {"incarnation", to_string(status.incarnation)},
               {"epoch", status.epoch.number},
               {"generation", status.generation.first.number},
               {"uptime_ms", status.uptime_ms},
               {"settling", status.settling},
               {"stepped_down", status.stepped_down},
               {"waits", status.waits},
               {"counters",
                {{"commits", status.counters.commits},
                 {"aborts", status.counters.aborts},
                 {"settle_rounds", status.counters.settle_rounds},
                 {"admissions", status.counters.admissions},
                 {"evictions", status.counters.evictions},
                 {"left", status.counters.left}}}};
  json["peers"] = Json::array();
  for (const wire::PeerStatus& peer : status.peers) json["peers"].push_back(json_of(peer));
  json["ops_open"] = status.ops_open;
  json["ops"] = Json::array();
  for (const wire::OpStatus& op : status.ops) json["ops"].push_back(json_of(op, names));
  json["events"] = Json::array();
  for (const wire::EventStatus& event : status.events) {
    json["events"].push_back({{"age_ms", event.age_ms}, {"text", event.text}});
  }
  return text_of(json);
}

}  // namespace atoll_core::peer
