#include "tools/atoll/wanlab/network.h"

#include <algorithm>
#include <utility>

namespace atoll_cli {

EmulatedNetwork::EmulatedNetwork(const NetworkSettings& settings, uint64_t seed, bool reorder,
                                 uint64_t bytes_in_flight_max)
    : nodes_(settings.nodes()), reorder_(reorder), bytes_in_flight_max_(bytes_in_flight_max) {
  const Nanoseconds none{0};
  for (unsigned from = 0; from < nodes_; ++from) {
    const HostSettings& host = settings.host(from);
    const Nanoseconds queue = host.queue.value_or(none);
    hosts_.push_back({Limiter(host.up, queue), Limiter(host.down, queue)});
    for (unsigned to = 0; to < nodes_; ++to) {
      const PathSettings& path = settings.path(from, to);
      // Two numbers for each path, which no other path and hardly another seed has.
      const uint64_t own = seed * 0x9e3779b97f4a7c15ull + 2 * (uint64_t{from} * nodes_ + to);
      paths_.push_back({path, Limiter(path.rate, path.queue.value_or(none)), Loss(path.loss, own),
                        Jitter(path.jitter, own + 1), PathCounters{}});
    }
  }
}

Nanoseconds EmulatedNetwork::least_delay() const {
  Nanoseconds least = Nanoseconds::max();
  for (unsigned i = 0; i < paths_.size(); ++i) {
    const PathSettings& path = paths_[i].settings;
    if (i / nodes_ != i % nodes_ && !path.cut) least = std::min(least, path.delay);
  }
  return least;
}

// What peers and the coordinator say to each other does not count towards a peer's rate.
bool EmulatedNetwork::limited_by_hosts(unsigned from, unsigned to) {
  return from != kCoordinatorNode && to != kCoordinatorNode;
}

void EmulatedNetwork::accept(unsigned from, std::span<const uint8_t> frame, Nanoseconds now) {
  const auto parsed = parse_frame(frame);
  if (!parsed || parsed->destination >= nodes_ || parsed->destination == from) return;
  const unsigned to = parsed->destination;
  Path& path = paths_[from * nodes_ + to];
  const Burst& burst = parsed->burst;
  path.counters.sent_packets += burst.packets;
  path.counters.sent_bytes += burst.bytes();
  if (path.settings.cut) {
    path.counters.dropped_cut += burst.packets;
    return;
  }
  if (bytes_in_flight_ + frame.size() > bytes_in_flight_max_) {
    path.counters.dropped_full += burst.packets;
    return;
  }
  Limiter::Result up{burst.packets, {now, now}};
  if (limited_by_hosts(from, to)) up = hosts_[from].up.offer(burst, up.times);
  path.counters.dropped_up += burst.packets - up.passed;
  if (up.passed == 0) return;
  const Limiter::Result own = path.limiter.offer(burst.slice(0, up.passed), up.times);
  path.counters.dropped_path += up.passed - own.passed;

  uint32_t begin = 0;
  while (begin < own.passed) {
    const auto lost = path.loss.first_lost(own.passed - begin);
    const uint32_t end = lost ? begin + *lost : own.passed;
    const BurstTimes times{own.times.at(begin, own.passed),
                           own.times.at(std::max(end, begin + 1) - 1, own.passed)};
    const Burst piece = burst.slice(begin, end);
    if (end == begin) {
      // nothing stands before the lost packet
    } else if (end - begin == burst.packets) {
      launch(from, to, frame, piece, times);
    } else {
      launch(from, to, cut_frame(frame, begin, end).bytes(), piece, times);
    }
    path.counters.lost += lost ? 1 : 0;
    begin = end + (lost ? 1 : 0);
  }
}

BurstTimes EmulatedNetwork::delayed(Path& path, const BurstTimes& left) {
  const Nanoseconds none{0};
  if (reorder_) {
    const Nanoseconds delay = std::max(none, path.settings.delay + path.jitter.draw());
    return {left.first + delay, left.last + delay};
  }
  const Nanoseconds first = std::max(none, path.settings.delay + path.jitter.at(left.first));
  const Nanoseconds last = std::max(none, path.settings.delay + path.jitter.at(left.last));
  return {left.first + first, left.last + last};
}

void EmulatedNetwork::launch(unsigned from, unsigned to, std::span<const uint8_t> frame,
                             const Burst& burst, const BurstTimes& left) {
  const BurstTimes arrival = delayed(paths_[from * nodes_ + to], left);
  const bool past_downlink = !limited_by_hosts(from, to);
  const uint32_t slot = store({Frame(frame), burst, arrival, from, to, past_downlink});
  schedule(past_downlink ? arrival.last : arrival.first, slot);
}

// The downlink is shared by paths of different delays, so its turn comes when a burst is there.
void EmulatedNetwork::pass_downlink(uint32_t slot) {
  InFlight& flight = flights_[slot];
  const auto down = hosts_[flight.to].down.offer(flight.burst, flight.times);
  PathCounters& counters = paths_[flight.from * nodes_ + flight.to].counters;
  counters.dropped_down += flight.burst.packets - down.passed;
  if (down.passed == 0) {
    release(slot);
    return;
  }
  if (down.passed < flight.burst.packets) {
    bytes_in_flight_ -= flight.frame.size;
    flight.frame = cut_frame(std::as_const(flight.frame).bytes(), 0, down.passed);
    flight.burst = flight.burst.slice(0, down.passed);
    bytes_in_flight_ += flight.frame.size;
  }
  flight.past_downlink = true;
  schedule(down.times.last, slot);
}

std::optional<Nanoseconds> EmulatedNetwork::next_deadline() const {
  if (events_.empty()) return std::nullopt;
  return events_.top().at;
}

std::optional<EmulatedNetwork::Delivery> EmulatedNetwork::take_due(Nanoseconds now) {
  while (!events_.empty() && events_.top().at <= now) {
    const Event event = events_.top();
    events_.pop();
    if (!flights_[event.slot].past_downlink) {
      pass_downlink(event.slot);
      continue;
    }
    InFlight flight = release(event.slot);
    PathCounters& counters = paths_[flight.from * nodes_ + flight.to].counters;
    counters.delivered_packets += flight.burst.packets;
    counters.delivered_bytes += flight.burst.bytes();
    return Delivery{flight.to, event.at, std::move(flight.frame)};
  }
  return std::nullopt;
}

void EmulatedNetwork::schedule(Nanoseconds at, uint32_t slot) {
  events_.push({at, order_++, slot});
}

uint32_t EmulatedNetwork::store(InFlight flight) {
  bytes_in_flight_ += flight.frame.size;
  if (free_slots_.empty()) {
    flights_.push_back(std::move(flight));
    return static_cast<uint32_t>(flights_.size() - 1);
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  flights_[slot] = std::move(flight);
  return slot;
}

EmulatedNetwork::InFlight EmulatedNetwork::release(uint32_t slot) {
  InFlight flight = std::move(flights_[slot]);
  flights_[slot] = InFlight{};
  bytes_in_flight_ -= flight.frame.size;
  free_slots_.push_back(slot);
  return flight;
}

}  // namespace atoll_cli
