// What the links of a peer have carried and reached, for those who look and for the coordinator.
#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "engine/link_table.h"

namespace atoll_core::engine {
namespace {

bool differs(uint64_t rate, uint64_t told) {
  const auto [less, more] = std::minmax(rate, told);
  return more - less > less / 4;
}

}  // namespace

link::LinkCounters LinkTable::counters() const {
  link::LinkCounters sum = dropped_counters_;
  for (const auto& [peer, entry] : entries_) sum += entry.link->counters();
  return sum;
}

std::vector<LinkStatus> LinkTable::status() const {
  std::vector<LinkStatus> all;
  for (const auto& [peer, entry] : entries_) {
    LinkStatus& status = all.emplace_back();
    const link::LinkCounters& counters = entry.link->counters();
    status.peer = entry.info;
    status.connections = entry.connections.size();
    status.dials_in_flight = static_cast<uint32_t>(entry.dials_in_flight.size());
    status.payload_sent = counters.payload_sent;
    status.payload_received = counters.payload_received;
    status.frames_resent = counters.frames_resent;
    status.redials = entry.redials;
    status.rtt_us = entry.rtt_us;
    status.bytes_per_second = bytes_per_second(entry);
    status.rate_measured = entry.measured_rate != 0;
    status.heard = entry.link->last_heard();
    status.state = entry.reported;
  }
  return all;
}

uint64_t LinkTable::egress_bytes_per_second() const {
  return measured_egress_ == 0 ? host_.egress.best() : measured_egress_;
}

uint64_t LinkTable::bytes_per_second(const Entry& entry) {
  return entry.measured_rate == 0 ? entry.link->bytes_per_second() : entry.measured_rate;
}

void LinkTable::note_rate(PeerId peer, uint64_t bytes_per_second) {
  const auto found = entries_.find(peer);
  if (found != entries_.end()) found->second.measured_rate = bytes_per_second;
}

std::optional<wire::Measured> LinkTable::take_measured() {
  wire::Measured measured;
  measured.egress_bytes_per_second = std::min(egress_bytes_per_second(), limits::kBytesPerSecond);
  bool changed = differs(measured.egress_bytes_per_second, told_.egress_bytes_per_second);
  for (const auto& [peer, entry] : entries_) {
    const uint64_t rate = std::min(bytes_per_second(entry), limits::kBytesPerSecond);
    if (rate == 0) continue;
    measured.paths.push_back({peer, rate});
    const auto told = std::find_if(told_.paths.begin(), told_.paths.end(),
                                   [to = peer](const auto& path) { return path.to == to; });
    changed = changed || differs(rate, told == told_.paths.end() ? 0 : told->bytes_per_second);
  }
  if (!changed) return std::nullopt;
  return told_ = measured;
}

}  // namespace atoll_core::engine
