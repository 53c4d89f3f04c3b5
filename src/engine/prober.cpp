#include "engine/prober.h"

#include <algorithm>
#include <utility>

namespace atoll_core::engine {
namespace {

constexpr Duration kFirstPause = std::chrono::milliseconds(5);
constexpr Duration kLongestPause = std::chrono::milliseconds(200);

}  // namespace

void Prober::probe(const wire::PeerInfo& peer, wire::Hello hello) {
  const DialId id = next_++;
  Probe& probe = probes_[id];
  probe.peer = peer;
  probe.hello = hello;
  probe.until = context_.now + context_.config.dial_timeout;
  probe.pause = kFirstPause;
  dial(probe, id);
}

void Prober::meet(const wire::PeerInfo& peer, wire::Hello hello) {
  const auto same = [&](const auto& meeting) { return meeting.second == peer.session; };
  if (std::any_of(meetings_.begin(), meetings_.end(), same)) return;
  const DialId id = next_++;
  meetings_[id] = peer.session;
  context_.emit(output::Dial{id, peer.endpoints, hello, context_.config.dial_timeout});
}

void Prober::dial(Probe& probe, DialId id) {
  probe.again_at = kNever;
  const Duration left = std::max<Duration>(probe.until - context_.now, kFirstPause);
  context_.emit(output::Dial{id, probe.peer.endpoints, probe.hello, left});
}

void Prober::on_dialed(DialId dial, const DialResult& result) {
  if (result.key != 0) context_.emit(output::CloseConnection{result.key, "it was a probe"});
  if (const auto meeting = meetings_.find(dial); meeting != meetings_.end()) {
    if (result.answered) answered_.note(meeting->second, result.address);
    meetings_.erase(meeting);
    return;
  }
  const auto found = probes_.find(dial);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  wire::ProbeResult report{probe.peer.id, probe.peer.session, wire::ProbeOutcome::kSilent,
                           result.reason};
  if (result.answered) {
    report.outcome = wire::ProbeOutcome::kAlive;
    answered_.note(probe.peer.session, result.address);
  } else if (result.refused && answered_.proves_death(probe.peer.session, result.refused_at)) {
    report.outcome = wire::ProbeOutcome::kDead;
  } else if (result.refused) {
    report.reason += "; but it has never answered there";
  } else if (context_.now + probe.pause < probe.until) {
    probe.again_at = context_.now + probe.pause;
    probe.pause = std::min(probe.pause * 2, kLongestPause);
    return;
  }
  results_.push_back(std::move(report));
  probes_.erase(found);
}

void Prober::tick() {
  for (auto& [id, probe] : probes_) {
    if (probe.again_at <= context_.now) dial(probe, id);
  }
}

TimePoint Prober::next_deadline() const {
  TimePoint next = kNever;
  for (const auto& [id, probe] : probes_) next = std::min(next, probe.again_at);
  return next;
}

std::vector<wire::ProbeResult> Prober::take_results() { return std::exchange(results_, {}); }

}  // namespace atoll_core::engine
