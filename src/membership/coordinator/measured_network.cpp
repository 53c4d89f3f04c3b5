#include "membership/coordinator/measured_network.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "topology/planner.h"

namespace atoll_core::membership {
namespace {

std::pair<PeerId, PeerId> pair_of(PeerId one, PeerId other) { return std::minmax(one, other); }

std::optional<uint64_t> known(uint64_t rate) {
  if (rate == 0) return std::nullopt;
  return rate;
}

// What each host sends to all together was measured while all sent to all, so it received as much;
// where traffic has shown it, that is a guess on the safe side, for lines that differ are mostly
// faster towards the host. Where one pair is slow all wait for it, so that less was seen than what
// a single pair carries.
void correct_hosts(topology::Measurements& matrix) {
  for (uint32_t member = 0; member < matrix.members(); ++member) {
    topology::HostMeasurement& host = matrix.host(member);
    if (!host.egress_bytes_per_second) continue;
    uint64_t sent = *host.egress_bytes_per_second;
    uint64_t received = sent;
    for (uint32_t other = 0; other < matrix.members(); ++other) {
      if (other == member) continue;
      sent = std::max(sent, matrix.pair(member, other).bytes_per_second.value_or(0));
      received = std::max(received, matrix.pair(other, member).bytes_per_second.value_or(0));
    }
    host.egress_bytes_per_second = sent;
    host.ingress_bytes_per_second = received;
  }
}

// Eight to a doubling: what differs by less says nothing.
uint64_t in_steps(uint64_t value) {
  const int dropped = std::max(0, static_cast<int>(std::bit_width(value)) - 4);
  return value >> dropped << dropped;
}

}  // namespace

void MeasuredNetwork::report_round_trip(PeerId from, PeerId to, uint64_t rtt_us) {
  if (rtt_us == 0) return;
  const auto [place, fresh] = round_trips_.emplace(pair_of(from, to), rtt_us);
  if (!fresh) place->second = std::min(place->second, rtt_us);
  changed();
}

void MeasuredNetwork::report_rates(PeerId from, const wire::Measured& rates) {
  Rates& known = rates_[from];
  known = {{}, rates.egress_bytes_per_second};
  for (const wire::Measured::Path& path : rates.paths) known.sent[path.to] = path.bytes_per_second;
  changed();
}

void MeasuredNetwork::forget(PeerId peer) {
  std::erase_if(round_trips_, [peer](const auto& entry) {
    return entry.first.first == peer || entry.first.second == peer;
  });
  rates_.erase(peer);
  for (auto& [from, rates] : rates_) rates.sent.erase(peer);
  changed();
}

topology::Measurements MeasuredNetwork::between(const std::vector<wire::PeerInfo>& members,
                                                const LinkMatrix& links) const {
  topology::Measurements matrix(static_cast<uint32_t>(members.size()));
  for (uint32_t from = 0; from < members.size(); ++from) {
    const PeerId sender = members[from].id;
    const auto rates = rates_.find(sender);
    matrix.host(from).computer = members[from].computer;
    matrix.host(from).cpus = members[from].cpus;
    if (rates != rates_.end()) {
      matrix.host(from).egress_bytes_per_second = known(rates->second.egress);
    }
    for (uint32_t to = 0; to < members.size(); ++to) {
      const PeerId receiver = members[to].id;
      if (from == to) continue;
      topology::PairMeasurement& pair = matrix.pair(from, to);
      pair.unreachable = !links.linked(sender, receiver);
      if (const auto trip = round_trips_.find(pair_of(sender, receiver));
          trip != round_trips_.end()) {
        const uint64_t rtt_us = trip->second < kNearMicroseconds
                                    ? kNearRoundTripMicroseconds
                                    : in_steps(trip->second);
        pair.latency_ns = rtt_us * 1000 / 2;
      }
      if (rates == rates_.end()) continue;
      const auto rate = rates->second.sent.find(receiver);
      if (rate != rates->second.sent.end()) pair.bytes_per_second = rate->second;
    }
  }
  correct_hosts(matrix);
  return matrix;
}

bool MeasuredNetwork::knows_any(const std::vector<wire::PeerInfo>& members) const {
  const auto named = [&members](PeerId peer) {
    return std::any_of(members.begin(), members.end(),
                       [peer](const wire::PeerInfo& member) { return member.id == peer; });
  };
  return std::any_of(round_trips_.begin(), round_trips_.end(), [&](const auto& entry) {
           return named(entry.first.first) && named(entry.first.second);
         }) ||
         std::any_of(rates_.begin(), rates_.end(),
                     [&](const auto& entry) { return named(entry.first); });
}

topology::Plan MeasuredNetwork::plan(const std::vector<wire::PeerInfo>& members,
                                     const LinkMatrix& links) {
  changed_ = false;
  if (members.size() > kMeasuredMembersMax || !knows_any(members)) {
    return topology::make_plan(static_cast<uint32_t>(members.size()));
  }
  return topology::make_plan(between(members, links));
}

std::optional<topology::Plan> MeasuredNetwork::better_plan(const wire::View& view,
                                                           const LinkMatrix& links) {
  if (!std::exchange(changed_, false)) return std::nullopt;
  if (view.members.size() > kMeasuredMembersMax || !knows_any(view.members)) return std::nullopt;
  const topology::Measurements measured = between(view.members, links);
  topology::Plan fresh = topology::make_plan(measured);
  if (!topology::worth_changing(measured, view.plan, fresh)) return std::nullopt;
  return fresh;
}

}  // namespace atoll_core::membership
