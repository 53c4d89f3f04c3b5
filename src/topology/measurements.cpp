#include "topology/measurements.h"

#include <algorithm>

#include "base/assert.h"

namespace atoll_core::topology {
namespace {

using Samples = std::vector<uint64_t>;

// The lower of the two in the middle, so that it is a value that was measured.
std::optional<uint64_t> median(Samples samples) {
  if (samples.empty()) return std::nullopt;
  const auto middle = samples.begin() + static_cast<ptrdiff_t>((samples.size() - 1) / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

// The medians of one measured quantity: by sender, by receiver, and of all.
class Medians {
 public:
  template <class Read>
  Medians(const Measurements& measurements, Read read) {
    const uint32_t members = measurements.members();
    std::vector<Samples> sent(members);
    std::vector<Samples> received(members);
    Samples all;
    for (uint32_t from = 0; from < members; ++from) {
      for (uint32_t to = 0; to < members; ++to) {
        const auto value = read(from, to);
        if (from == to || measurements.pair(from, to).unreachable || !value) continue;
        sent[from].push_back(*value);
        received[to].push_back(*value);
        all.push_back(*value);
      }
    }
    for (auto& samples : sent) by_sender_.push_back(median(std::move(samples)));
    for (auto& samples : received) by_receiver_.push_back(median(std::move(samples)));
    of_all_ = median(std::move(all));
  }

  template <class Worse>
  uint64_t guess(uint32_t from, uint32_t to, uint64_t otherwise, Worse worse) const {
    const auto& sender = by_sender_[from];
    const auto& receiver = by_receiver_[to];
    if (sender && receiver) return worse(*sender, *receiver);
    if (sender) return *sender;
    if (receiver) return *receiver;
    return of_all_.value_or(otherwise);
  }

 private:
  std::vector<std::optional<uint64_t>> by_sender_;
  std::vector<std::optional<uint64_t>> by_receiver_;
  std::optional<uint64_t> of_all_;
};

uint64_t likely_rate(uint64_t latency_ns) {
  if (latency_ns < kComputerLatencyNs) return kComputerBytesPerSecond;
  return latency_ns < kSiteLatencyNs ? kSiteBytesPerSecond : kUnknownBytesPerSecond;
}

void fill_paths(const Measurements& measurements, Network& network) {
  const auto latency = [&](uint32_t from, uint32_t to) {
    const auto& there = measurements.pair(from, to).latency_ns;
    return there ? there : measurements.pair(to, from).latency_ns;
  };
  const auto rate = [&](uint32_t from, uint32_t to) {
    return measurements.pair(from, to).bytes_per_second;
  };
  const Medians latencies(measurements, latency);
  const Medians rates(measurements, rate);
  const auto larger = [](uint64_t a, uint64_t b) { return std::max(a, b); };
  const auto smaller = [](uint64_t a, uint64_t b) { return std::min(a, b); };
  for (uint32_t from = 0; from < network.members(); ++from) {
    for (uint32_t to = 0; to < network.members(); ++to) {
      if (from == to) continue;
      Path& path = network.path(from, to);
      path.reachable = !measurements.pair(from, to).unreachable;
      const auto latency_ns = latency(from, to);
      path.latency_ns =
          latency_ns ? *latency_ns : latencies.guess(from, to, kUnknownLatencyNs, larger);
      path.latency_ns = std::min(path.latency_ns, kLatencyNsMax);
      const auto known_rate = rate(from, to);
      path.bytes_per_second =
          known_rate ? *known_rate
                     : rates.guess(from, to, likely_rate(path.latency_ns), smaller);
      path.bytes_per_second = std::max<uint64_t>(path.bytes_per_second, 1);
    }
  }
}

void fill_hosts(const Measurements& measurements, Network& network) {
  for (uint32_t member = 0; member < network.members(); ++member) {
    uint64_t sent = 0;
    uint64_t received = 0;
    for (uint32_t other = 0; other < network.members(); ++other) {
      if (other == member) continue;
      const Path& out = network.path(member, other);
      const Path& in = network.path(other, member);
      if (out.reachable) sent = std::max(sent, out.bytes_per_second);
      if (in.reachable) received = std::max(received, in.bytes_per_second);
    }
    if (sent == 0) sent = kUnknownBytesPerSecond;
    if (received == 0) received = kUnknownBytesPerSecond;
    const HostMeasurement& known = measurements.host(member);
    Host& host = network.hosts[member];
    host.egress_bytes_per_second =
        std::max<uint64_t>(known.egress_bytes_per_second.value_or(sent), 1);
    host.ingress_bytes_per_second =
        std::max<uint64_t>(known.ingress_bytes_per_second.value_or(received), 1);
    host.cpus = std::max<uint32_t>(known.cpus, 1);
    host.computer = 0;
    const auto here = [&](uint32_t other) {
      return other == member ||
             (known.computer != 0 && measurements.host(other).computer == known.computer);
    };
    while (!here(host.computer)) ++host.computer;
  }
}

}  // namespace

Measurements::Measurements(uint32_t members)
    : hosts_(members), pairs_(size_t{members} * members) {}

HostMeasurement& Measurements::host(uint32_t member) {
  ATOLL_ASSERT(member < members(), "member={} of {}", member, members());
  return hosts_[member];
}

const HostMeasurement& Measurements::host(uint32_t member) const {
  ATOLL_ASSERT(member < members(), "member={} of {}", member, members());
  return hosts_[member];
}

size_t Measurements::index(uint32_t from, uint32_t to) const {
  ATOLL_ASSERT(from < members() && to < members(), "from={} to={} of {}", from, to, members());
  return size_t{from} * hosts_.size() + to;
}

uint64_t Network::alone_bytes_per_second(uint32_t from, uint32_t to) const {
  return std::min({path(from, to).bytes_per_second, hosts[from].egress_bytes_per_second,
                   hosts[to].ingress_bytes_per_second});
}

Network fill_gaps(const Measurements& measurements) {
  Network network;
  network.hosts.resize(measurements.members());
  network.paths.resize(size_t{measurements.members()} * measurements.members());
  fill_paths(measurements, network);
  fill_hosts(measurements, network);
  return network;
}

}  // namespace atoll_core::topology
