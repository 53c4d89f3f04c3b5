// What was measured between the members of a view, and the same without gaps.
//
// Three rates meet in one transfer: what the path between two hosts carries, what the sender's host
// sends to all together, and what the receiver's host receives from all together. A measurement of
// one pair alone yields the least of the three and does not tell which it was. It matters: where
// each *pair* reaches 100 Mbit/s a mesh is faster the more pairs it uses, where each *host* reaches
// 100 Mbit/s it is not. A host's limit is only known when several of its pairs were loaded at once.
//
// Sending and receiving are taken to be independent (full duplex).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace atoll_core::topology {

struct PairMeasurement {
  // One way. Half of a round trip is fine where that is what was measured.
  std::optional<uint64_t> latency_ns;
  // What the link from one to the other reached, with all its connections, while both hosts had
  // nothing else to send.
  std::optional<uint64_t> bytes_per_second;
  // There is no link, whatever else is set. Where neither end can make one, set both directions.
  bool unreachable = false;
};

struct HostMeasurement {
  std::optional<uint64_t> egress_bytes_per_second;
  std::optional<uint64_t> ingress_bytes_per_second;
  uint64_t computer = 0;  // the same where members share one; 0: not known, so its own
  uint32_t cpus = 0;      // that the member may use; 0: not known
};

class Measurements {
 public:
  // Nothing known.
  explicit Measurements(uint32_t members);

  uint32_t members() const { return static_cast<uint32_t>(hosts_.size()); }
  PairMeasurement& pair(uint32_t from, uint32_t to) { return pairs_[index(from, to)]; }
  const PairMeasurement& pair(uint32_t from, uint32_t to) const { return pairs_[index(from, to)]; }
  HostMeasurement& host(uint32_t member);
  const HostMeasurement& host(uint32_t member) const;

 private:
  size_t index(uint32_t from, uint32_t to) const;

  std::vector<HostMeasurement> hosts_;
  std::vector<PairMeasurement> pairs_;  // by sender and receiver
};

struct Path {
  uint64_t latency_ns = 0;
  uint64_t bytes_per_second = 1;  // never 0
  bool reachable = true;
};

struct Host {
  uint64_t egress_bytes_per_second = 1;  // never 0
  uint64_t ingress_bytes_per_second = 1;
  uint32_t computer = 0;  // the index of the first member there
  uint32_t cpus = 1;      // never 0
};

struct Network {
  std::vector<Host> hosts;
  std::vector<Path> paths;  // by sender and receiver; those of a member to itself mean nothing

  uint32_t members() const { return static_cast<uint32_t>(hosts.size()); }
  Path& path(uint32_t from, uint32_t to) { return paths[size_t{from} * hosts.size() + to]; }
  const Path& path(uint32_t from, uint32_t to) const {
    return paths[size_t{from} * hosts.size() + to];
  }
  bool linked(uint32_t a, uint32_t b) const { return path(a, b).reachable && path(b, a).reachable; }
  // What one transfer reaches when both hosts have nothing else to do.
  uint64_t alone_bytes_per_second(uint32_t from, uint32_t to) const;
};

// Taken where nothing at all is known: two home connections on one continent.
inline constexpr uint64_t kUnknownLatencyNs = 20'000'000;
inline constexpr uint64_t kUnknownBytesPerSecond = 12'500'000;
// Where no rate is known, but a latency that only one computer, or one site, has: loopback and
// gigabit Ethernet.
inline constexpr uint64_t kComputerLatencyNs = 100'000;
inline constexpr uint64_t kComputerBytesPerSecond = 2'000'000'000;
inline constexpr uint64_t kSiteLatencyNs = 1'000'000;
inline constexpr uint64_t kSiteBytesPerSecond = 125'000'000;
// Latencies above a minute are taken as a minute, so that sums of them never overflow.
inline constexpr uint64_t kLatencyNsMax = 60'000'000'000;

// A gap is filled with the worse of two medians: of what the sender has towards others, and of what
// others have towards the receiver, because slowness mostly belongs to a host; with the median of
// all where neither is known; with the constants above where nothing is, or latencies only. For a
// latency the other direction comes first. A host's limit that was not measured is the best rate of
// any of its pairs: so a home's uplink is not taken to grow with the number of those it sends to.
Network fill_gaps(const Measurements& measurements);

}  // namespace atoll_core::topology
