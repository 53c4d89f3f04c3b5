// Runs one schedule for each participant over real vectors and delivers chunks in any order. Bytes
// are read from the sender when a chunk is delivered and compared with those it had when the send
// was handed out: that is the promise that no send needs a copy.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "collective/make_schedule.h"

namespace atoll_core::collective {

enum class Delivery { kAnyOrder, kOldestFirst, kNewestFirst };

template <class T>
class RingFabric {
 public:
  struct Participant {
    std::unique_ptr<Schedule> schedule;
    std::vector<T> source;
    std::vector<T> sink;
    bool in_place = false;
    uint64_t elements_sent = 0;
    std::vector<uint32_t> reductions;  // by element
    std::vector<uint32_t> finished;    // by element
  };
  struct Flight {
    uint32_t from = 0;
    Transfer transfer;
    std::vector<T> when_sent;
    Arrival arrival() const {
      return {from, transfer.segment, transfer.step, transfer.range};
    }
  };

  explicit RingFabric(uint64_t seed) : random_(seed) {}

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
    Work work;
    at(index).schedule->start(work);
    take(index, work);
  }
  void start_all() {
    for (uint32_t i = 0; i < participants_.size(); ++i) start(i);
  }

  // Delivers one chunk to a participant that accepts; false when nothing is in flight.
  bool deliver(Delivery delivery) {
    if (flights_.empty()) return false;
    size_t index = 0;
    if (delivery == Delivery::kAnyOrder) index = random_() % flights_.size();
    if (delivery == Delivery::kNewestFirst) index = flights_.size() - 1;
    const Flight flight = std::move(flights_[index]);
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(index));
    receive(flight);
    last_ = flight;
    return true;
  }
  void run(Delivery delivery) {
    while (deliver(delivery) && !testing::Test::HasFatalFailure()) {
    }
  }

  Participant& at(uint32_t index) { return participants_[index]; }
  const std::vector<Flight>& flights() const { return flights_; }
  const std::optional<Flight>& last() const { return last_; }

 private:
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
    for (const Transfer& transfer : work.sends) {
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
    for (uint64_t i = 0; i < now.size(); ++i) {
      const uint64_t element = flight.transfer.range.begin + i;
      if (accepted->action == Action::kReduce) {
        const T own = receiver.in_place ? receiver.sink[element] : receiver.source[element];
        receiver.sink[element] = static_cast<T>(now[i] + own);
        ++receiver.reductions[element];
      } else {
        receiver.sink[element] = now[i];
      }
      if (accepted->finish) finish(receiver, element);
    }
    Work work;
    receiver.schedule->absorbed(flight.arrival(), work);
    take(flight.transfer.to, work);
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
};

// Random payloads, never zeros.
template <class T>
std::vector<T> random_elements(uint64_t count, std::mt19937_64& random) {
  std::vector<T> elements(count);
  for (T& element : elements) element = static_cast<T>(1 + random() % 1000003) / T(3);
  return elements;
}

inline std::vector<uint32_t> shuffled_ring(uint32_t world, std::mt19937_64& random) {
  std::vector<uint32_t> ring(world);
  for (uint32_t i = 0; i < world; ++i) ring[i] = i;
  std::shuffle(ring.begin(), ring.end(), random);
  return ring;
}

}  // namespace atoll_core::collective
