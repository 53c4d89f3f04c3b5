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

void Prober::dial(Probe& probe, DialId id) {
  probe.again_at = kNever;
  const Duration left = std::max<Duration>(probe.until - context_.now, kFirstPause);
  context_.emit(output::Dial{id, probe.peer.endpoints, probe.hello, left});
}

void Prober::on_dialed(DialId dial, const DialResult& result) {
  if (result.key != 0) context_.emit(output::CloseConnection{result.key, "it was a probe"});
  const auto found = probes_.find(dial);
  if (found == probes_.end()) return;
  Probe& probe = found->second;
  wire::ProbeResult report{probe.peer.id, probe.peer.session, wire::ProbeOutcome::kSilent,
                           result.reason};
  if (result.answered && result.answer.session == probe.peer.session) {
    report.outcome = wire::ProbeOutcome::kAlive;
  } else if (result.answered || result.refused) {
    report.outcome = wire::ProbeOutcome::kDead;
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
