// Runs one schedule for each participant over real vectors and delivers chunks in any order. Bytes
// are read from the sender when a chunk is delivered and compared with those it had when the send
// was handed out: that is the promise that no send needs a copy. What is collected is kept aside,
// and counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collective/make_schedule.h"

namespace atoll_core::collective {

enum class Delivery { kAnyOrder, kOldestFirst, kNewestFirst };

template <class T>
class Fabric {
 public:
  // A segment and where its chunk begins: the contributions of others, by member.
  using Collected = std::map<std::pair<uint32_t, uint64_t>, std::map<uint32_t, std::vector<T>>>;
  struct Participant {
    std::unique_ptr<Schedule> schedule;
    bool started = false;
    std::vector<T> source;
    std::vector<T> sink;
    bool in_place = false;
    uint64_t elements_sent = 0;
    std::vector<uint32_t> reductions;  // by element
    std::vector<uint32_t> finished;    // by element
    Collected collected;
    std::map<uint32_t, uint64_t> held;       // chunks collected and not combined, by sender
    std::map<uint32_t, uint64_t> held_most;  // the most that there were at a time
  };
  struct Flight {
    uint32_t from = 0;
    Transfer transfer;
    std::vector<T> when_sent;
    Arrival arrival() const {
      return {from, transfer.segment, transfer.step, transfer.range};
    }
  };

  explicit Fabric(uint64_t seed) : random_(seed) {}

  void add(std::unique_ptr<Schedule> schedule, std::vector<T> source, bool in_place) {
    Participant participant;
    participant.schedule = std::move(schedule);
    participant.sink = in_place ? source : std::vector<T>(source.size(), T(7));
    participant.reductions.assign(source.size(), 0);
    participant.finished.assign(source.size(), 0);
    participant.source = std::move(source);
    participant.in_place = in_place;
    participants_.push_back(std::move(participant));
  }

  void start(uint32_t index) {
    at(index).started = true;
    Work work;
    at(index).schedule->start(work);
    take(index, work);
  }
  void start_all() {
    for (uint32_t i = 0; i < participants_.size(); ++i) start(i);
  }

  // Chunks of this pair come when nothing else can.
  void hold_back(uint32_t from, uint32_t to) { slow_.insert({from, to}); }

  // Delivers one chunk to a participant that has started and accepts it; false when there is none.
  bool deliver(Delivery delivery) {
    const std::optional<size_t> index = choose(delivery);
    if (!index) return false;
    const Flight flight = std::move(flights_[*index]);
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(*index));
    receive(flight);
    last_ = flight;
    return true;
  }
  void run(Delivery delivery) {
    while (deliver(delivery) && !testing::Test::HasFatalFailure()) {
    }
  }
  // Participants start while others are already at work.
  void start_and_run(Delivery delivery) {
    std::vector<uint32_t> asleep(participants_.size());
    for (uint32_t i = 0; i < asleep.size(); ++i) asleep[i] = i;
    std::shuffle(asleep.begin(), asleep.end(), random_);
    while (!testing::Test::HasFatalFailure()) {
      const bool wake = !asleep.empty() && random_() % 8 == 0;
      if (!wake && deliver(delivery)) continue;
      if (asleep.empty()) break;
      start(asleep.back());
      asleep.pop_back();
    }
  }

  Participant& at(uint32_t index) { return participants_[index]; }
  uint32_t size() const { return static_cast<uint32_t>(participants_.size()); }
  const std::vector<Flight>& flights() const { return flights_; }
  const std::optional<Flight>& last() const { return last_; }

 private:
  // The chunk that `delivery` names, or the next one that can be delivered.
  std::optional<size_t> choose(Delivery delivery) {
    if (flights_.empty()) return std::nullopt;
    size_t first = 0;
    if (delivery == Delivery::kAnyOrder) first = random_() % flights_.size();
    if (delivery == Delivery::kNewestFirst) first = flights_.size() - 1;
    std::optional<size_t> slow;
    for (size_t i = 0; i < flights_.size(); ++i) {
      const size_t index = (first + i) % flights_.size();
      const Flight& flight = flights_[index];
      if (!at(flight.transfer.to).started) continue;
      if (!slow_.contains({flight.from, flight.transfer.to})) return index;
      if (!slow) slow = index;
    }
    return slow;
  }

  const T* bytes_of(const Participant& sender, const Transfer& transfer) const {
    const bool own = transfer.from_source && !sender.in_place;
    return (own ? sender.source : sender.sink).data() + transfer.range.begin;
  }

  void take(uint32_t index, const Work& work) {
    Participant& participant = at(index);
    for (const ElementRange& range : work.copies) {
      for (uint64_t i = range.begin; i < range.end; ++i) {
        if (!participant.in_place) participant.sink[i] = participant.source[i];
        ++participant.finished[i];
      }
    }
    for (const Combine& combine : work.combines) this->combine(index, combine);
    for (const Transfer& transfer : work.sends) {
      ASSERT_LT(transfer.to, size());
      ASSERT_NE(transfer.to, index);
      ASSERT_FALSE(transfer.range.empty());
      const T* bytes = bytes_of(participant, transfer);
      flights_.push_back({index, transfer, {bytes, bytes + transfer.range.count()}});
      participant.elements_sent += transfer.range.count();
    }
  }

  void receive(const Flight& flight) {
    const T* bytes = bytes_of(at(flight.from), flight.transfer);
    const std::vector<T> now(bytes, bytes + flight.transfer.range.count());
    ASSERT_EQ(now, flight.when_sent) << "bytes changed while they were in flight";
    Participant& receiver = at(flight.transfer.to);
    const Result<Accepted> accepted = receiver.schedule->expect(flight.arrival());
    ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
    if (accepted->action == Action::kCollect) collect(receiver, flight, now);
    else write(receiver, flight.transfer.range, *accepted, now);
    Work work;
    receiver.schedule->absorbed(flight.arrival(), work);
    take(flight.transfer.to, work);
  }

  void write(Participant& receiver, const ElementRange& range, const Accepted& accepted,
             const std::vector<T>& now) {
    for (uint64_t i = 0; i < now.size(); ++i) {
      const uint64_t element = range.begin + i;
      if (accepted.action == Action::kReduce) {
        const T own = receiver.in_place ? receiver.sink[element] : receiver.source[element];
        receiver.sink[element] = static_cast<T>(now[i] + own);
        ++receiver.reductions[element];
      } else {
        receiver.sink[element] = now[i];
      }
      if (accepted.finish) finish(receiver, element);
    }
  }

  void collect(Participant& receiver, const Flight& flight, const std::vector<T>& now) {
    auto& chunks = receiver.collected[{flight.transfer.segment, flight.transfer.range.begin}];
    ASSERT_TRUE(chunks.emplace(flight.from, now).second);
    const uint64_t held = ++receiver.held[flight.from];
    receiver.held_most[flight.from] = std::max(receiver.held_most[flight.from], held);
  }

  void combine(uint32_t index, const Combine& combine) {
    Participant& owner = at(index);
    const auto found = owner.collected.find({combine.segment, combine.range.begin});
    ASSERT_NE(found, owner.collected.end());
    auto& chunks = found->second;
    ASSERT_EQ(chunks.size(), participants_.size() - 1);
    for (const auto& [from, chunk] : chunks) {
      ASSERT_EQ(chunk.size(), combine.range.count());
      --owner.held[from];
    }
    const T* own = (owner.in_place ? owner.sink : owner.source).data() + combine.range.begin;
    chunks.emplace(index, std::vector<T>(own, own + combine.range.count()));
    for (uint64_t i = 0; i < combine.range.count(); ++i) {
      T sum = chunks.begin()->second[i];
      for (auto chunk = std::next(chunks.begin()); chunk != chunks.end(); ++chunk) {
        sum = static_cast<T>(sum + chunk->second[i]);
      }
      owner.sink[combine.range.begin + i] = sum;
      ++owner.finished[combine.range.begin + i];
    }
    owner.collected.erase(found);
  }

  // Only a value that has all contributions is final.
  void finish(Participant& owner, uint64_t element) {
    uint64_t reductions = 0;
    for (const Participant& participant : participants_) {
      reductions += participant.reductions[element];
    }
    ASSERT_EQ(reductions + 1, participants_.size()) << "element " << element;
    ++owner.finished[element];
  }

  std::mt19937_64 random_;
  std::vector<Participant> participants_;
  std::vector<Flight> flights_;
  std::optional<Flight> last_;
  std::set<std::pair<uint32_t, uint32_t>> slow_;
};

// Random payloads, never zeros.
template <class T>
std::vector<T> random_elements(uint64_t count, std::mt19937_64& random) {
  std::vector<T> elements(count);
  for (T& element : elements) element = static_cast<T>(1 + random() % 1000003) / T(3);
  return elements;
}

// What member order makes of the sources, to the bit.
template <class T>
std::vector<T> sum_in_member_order(Fabric<T>& fabric) {
  std::vector<T> sum = fabric.at(0).source;
  for (uint32_t i = 1; i < fabric.size(); ++i) {
    for (uint64_t e = 0; e < sum.size(); ++e) {
      sum[e] = static_cast<T>(sum[e] + fabric.at(i).source[e]);
    }
  }
  return sum;
}

inline std::vector<uint32_t> shuffled_ring(uint32_t world, std::mt19937_64& random) {
  std::vector<uint32_t> ring(world);
  for (uint32_t i = 0; i < world; ++i) ring[i] = i;
  std::shuffle(ring.begin(), ring.end(), random);
  return ring;
}

}  // namespace atoll_core::collective
