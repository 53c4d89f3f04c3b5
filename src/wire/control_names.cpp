#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "wire/control.h"

namespace atoll_core::wire {
namespace {

// In the order of the variants.
constexpr std::array<std::string_view, std::variant_size_v<ToCoordinator>> kToCoordinatorNames = {
    "register", "heartbeat",  "leave",         "update_request", "link_report",  "probe_result",
    "op_done",  "op_waiting", "abort_request", "settle_report",  "sync_request", "sync_done",
    "ended",    "status_request", "follow_state",  "measured",
    "resume",   "update_waiting", "positions"};
constexpr std::array<std::string_view, std::variant_size_v<ToPeer>> kToPeerNames = {
    "registered", "refused", "heartbeat", "roster",    "updated", "op_verdict",
    "freeze",     "settled", "probe",     "sync_plan", "evicted", "stable",
    "status",     "state_offer", "resumed", "update_failed",
    "update_waits", "tell_positions"};

class Differences {
 public:
  template <class T>
  void add(std::string_view name, const T& here, const T& there) {
    if (here != there) add_text(fmt::format("{} {} here, {} there", name, here, there));
  }
  void add_text(std::string_view difference) {
    if (!text_.empty()) text_ += "; ";
    text_ += difference;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// The first block that differs, where both have told how long theirs are.
std::string layout_difference(const CallDescription& here, const CallDescription& there) {
  for (size_t i = 0; i < std::min(here.counts.size(), there.counts.size()); ++i) {
    if (here.counts[i] == there.counts[i]) continue;
    return fmt::format("block {} has {} elements here, {} there", i, here.counts[i],
                       there.counts[i]);
  }
  return has_blocks(here.kind) ? "counts or layout of the blocks differ"
                               : "counts, types or layout of the tensors differ";
}

std::string root_name(PeerId root) { return root ? to_string(root) : "none"; }

}  // namespace

std::string_view to_string(PeerStanding standing) {
  switch (standing) {
    case PeerStanding::kMember: return "member";
    case PeerStanding::kPending: return "pending";
    case PeerStanding::kSuspect: break;
  }
  return "suspect";
}

std::string_view name_of(const ToCoordinator& message) {
  return kToCoordinatorNames.at(message.index());
}

std::string_view name_of(const ToPeer& message) { return kToPeerNames.at(message.index()); }

std::string_view to_string(OpKind kind) {
  switch (kind) {
    case OpKind::kAllReduce: return "all-reduce";
    case OpKind::kBroadcast: return "broadcast";
    case OpKind::kBarrier: return "barrier";
    case OpKind::kSync: return "state-sync";
    case OpKind::kReduceScatter: return "reduce-scatter";
    case OpKind::kAllGather: return "all-gather";
    case OpKind::kReduce: return "reduce";
    case OpKind::kGather: return "gather";
    case OpKind::kScatter: return "scatter";
    case OpKind::kSend: return "send";
    case OpKind::kAllToAll: return "all-to-all";
  }
  return "unknown op";
}

bool has_root(OpKind kind) {
  return kind == OpKind::kBroadcast || kind == OpKind::kReduce || kind == OpKind::kGather ||
         kind == OpKind::kScatter;
}

bool has_blocks(OpKind kind) {
  return kind == OpKind::kReduceScatter || kind == OpKind::kAllGather ||
         kind == OpKind::kGather || kind == OpKind::kScatter;
}

bool reduces(OpKind kind) {
  return kind == OpKind::kAllReduce || kind == OpKind::kReduceScatter || kind == OpKind::kReduce;
}

std::string_view to_string(SyncStrategy strategy) {
  switch (strategy) {
    case SyncStrategy::kPopular: return "popular";
    case SyncStrategy::kSendOnly: return "send-only";
    case SyncStrategy::kReceiveOnly: return "receive-only";
  }
  return "unknown strategy";
}

std::string describe_difference(const CallDescription& here, const CallDescription& there) {
  Differences differences;
  differences.add("call", to_string(here.kind), to_string(there.kind));
  differences.add("count", here.count, there.count);
  differences.add("type", to_string(here.type), to_string(there.type));
  differences.add("operator", to_string(here.reduce), to_string(there.reduce));
  differences.add("tensors", here.tensors, there.tensors);
  if (here.layout != there.layout) differences.add_text(layout_difference(here, there));
  differences.add("algorithm", here.algorithm, there.algorithm);
  differences.add("codec", here.codec, there.codec);
  differences.add("root", root_name(here.root), root_name(there.root));
  differences.add("retry", here.retry, there.retry);
  differences.add("keeping segments", here.keep, there.keep);
  return differences.take();
}

std::string to_string(const CallDescription& call) {
  std::string text(to_string(call.kind));
  if (call.kind != OpKind::kBarrier && call.kind != OpKind::kSync) {
    text += fmt::format(" of {} {}", call.count, to_string(call.type));
    if (call.tensors != 1) text += fmt::format(" in {} tensors", call.tensors);
  }
  if (reduces(call.kind)) text += fmt::format(", {}", to_string(call.reduce));
  if (has_root(call.kind) || call.kind == OpKind::kSend) {
    const bool gathers = call.kind == OpKind::kReduce || call.kind == OpKind::kGather;
    text += fmt::format(" {} {}", gathers ? "to" : "from", root_name(call.root));
  }
  if (call.algorithm != 0) text += fmt::format(", algorithm {}", call.algorithm);
  if (call.codec != 0) text += fmt::format(", codec {}", call.codec);
  if (!call.retry) text += ", no retry";
  if (call.keep) text += ", keeping segments";
  return text;
}

}  // namespace atoll_core::wire
