#include "membership/common/control_session.h"

#include <optional>
#include <type_traits>
#include <variant>

namespace atoll_core::membership {
namespace {

// Of a message, and of one entry of its lists.
constexpr size_t kMessageBytes = 512;
constexpr size_t kEntryBytes = 256;

template <class Kind>
constexpr bool kOfConnection =
    std::is_same_v<Kind, wire::Register> || std::is_same_v<Kind, wire::Registered> ||
    std::is_same_v<Kind, wire::Resume> || std::is_same_v<Kind, wire::Resumed> ||
    std::is_same_v<Kind, wire::Refused> || std::is_same_v<Kind, wire::Evicted> ||
    std::is_same_v<Kind, wire::PeerHeartbeat> || std::is_same_v<Kind, wire::CoordinatorHeartbeat> ||
    std::is_same_v<Kind, wire::Roster> || std::is_same_v<Kind, wire::UpdateWaits> ||
    std::is_same_v<Kind, wire::StatusRequest> || std::is_same_v<Kind, wire::Status>;

template <class Variant>
bool numbered(const Variant& message) {
  return std::visit(
      [](const auto& typed) { return !kOfConnection<std::decay_t<decltype(typed)>>; }, message);
}

// Ids and counts of a list take a part of what an entry with names does.
size_t ids(size_t count) { return count / 16; }

size_t entries(const std::optional<wire::ViewDelta>& delta) {
  return delta ? 2 * delta->added.size() + ids(delta->removed.size() + delta->slots.size()) : 0;
}

struct Entries {
  size_t operator()(const wire::Updated& message) const { return entries(message.delta); }
  size_t operator()(const wire::Settled& message) const {
    size_t count = message.verdicts.size() + entries(message.delta);
    for (const wire::Verdict& verdict : message.verdicts) {
      count += ids(verdict.contributors.size() + verdict.holders.size());
    }
    return count;
  }
  size_t operator()(const wire::OpVerdict& message) const {
    return ids(message.verdict.contributors.size() + message.verdict.holders.size());
  }
  size_t operator()(const wire::SyncPlan& message) const {
    return message.tensors.size() + ids(message.holders.size());
  }
  size_t operator()(const wire::StateOffer& message) const {
    return message.tensors.size() + ids(message.holders.size());
  }
  size_t operator()(const wire::Stable& message) const { return message.marks.size() / 4; }
  size_t operator()(const wire::UpdateRequest& message) const { return message.groups.size() / 4; }
  size_t operator()(const wire::Positions& message) const { return message.positions.size() / 8; }
  size_t operator()(const wire::SettleReport& message) const {
    size_t count = 2 * message.ops.size();
    for (const wire::OpReport& report : message.ops) count += ids(report.contributors.size());
    return count;
  }
  size_t operator()(const wire::SyncRequest& message) const { return message.state.tensors.size(); }
  size_t operator()(const wire::Ended& message) const { return message.marks.size() / 4; }
  size_t operator()(const wire::OpWaiting& message) const { return ids(message.missing.size()); }
  size_t operator()(const wire::Measured& message) const { return ids(message.paths.size()); }
  template <class Message>
  size_t operator()(const Message&) const {
    return 0;
  }
};

}  // namespace

bool is_numbered(const wire::ToPeer& message) { return numbered(message); }
bool is_numbered(const wire::ToCoordinator& message) { return numbered(message); }

size_t kept_bytes(const wire::ToPeer& message) {
  return kMessageBytes + kEntryBytes * std::visit(Entries{}, message);
}
size_t kept_bytes(const wire::ToCoordinator& message) {
  return kMessageBytes + kEntryBytes * std::visit(Entries{}, message);
}

}  // namespace atoll_core::membership
