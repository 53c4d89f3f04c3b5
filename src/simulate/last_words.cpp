#include "simulate/last_words.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

namespace atoll_core::simulate {

using membership::ConnectionId;
using membership::CoordinatorOutput;

namespace {

std::vector<wire::Verdict> verdicts_in(const wire::ToPeer& message) {
  if (const auto* one = std::get_if<wire::OpVerdict>(&message)) return {one->verdict};
  if (const auto* settled = std::get_if<wire::Settled>(&message)) return settled->verdicts;
  return {};
}

bool counts(const wire::ToPeer& message, LastWords::Kind kind) {
  if (kind == LastWords::Kind::kVerdicts) return !verdicts_in(message).empty();
  const auto* settled = std::get_if<wire::Settled>(&message);
  return settled != nullptr && settled->delta.has_value();
}

}  // namespace

void LastWords::limit(Limit limit, std::function<void()> fallen_silent) {
  if (silent_ || (limit_.messages > 0 && limit_.kind == Kind::kVerdicts)) return;
  limit_ = limit;
  fallen_silent_ = std::move(fallen_silent);
}

void LastWords::said(const Items& items, size_t index) {
  if (limit_.messages == 0) return;
  const auto& last = std::get<CoordinatorOutput::Send>(items[index]);
  if (!counts(last.message, limit_.kind) || --limit_.messages > 0) return;
  silent_ = true;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto* send = std::get_if<CoordinatorOutput::Send>(&items[i]);
    if (send == nullptr) continue;
    for (const wire::Verdict& verdict : verdicts_in(send->message)) {
      if (!verdict.committed || verdict.op.group >= kGroupPair) continue;
      OpId call = verdict.op;
      const Group shard = std::exchange(call.group, 0);
      commits_.push_back({call, shard, send->connection, i <= index});
    }
  }
  fallen_silent_();
}

bool LastWords::parted_shards(const std::function<bool(ConnectionId)>& has_heard) const {
  std::set<std::pair<OpId, Group>> said;
  for (const Told& told : commits_) {
    if (told.said) said.insert({told.call, told.shard});
  }
  return std::any_of(commits_.begin(), commits_.end(), [&](const Told& one) {
    if (!one.said || !has_heard(one.to)) return false;
    return std::any_of(commits_.begin(), commits_.end(), [&](const Told& other) {
      return other.call == one.call && said.count({other.call, other.shard}) == 0;
    });
  });
}

}  // namespace atoll_core::simulate
