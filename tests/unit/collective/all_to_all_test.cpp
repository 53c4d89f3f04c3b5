#include "collective/all_to_all.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "base/assert.h"

namespace atoll_core::collective {
namespace {

// What each sends to each, in elements.
struct Matrix {
  uint32_t world = 1;
  std::vector<uint64_t> counts;
  uint64_t from_to(uint32_t from, uint32_t to) const { return counts[from * world + to]; }
};

Matrix random_matrix(uint32_t world, uint64_t most, uint64_t seed) {
  std::mt19937_64 random(seed);
  Matrix matrix{world, {}};
  for (uint32_t i = 0; i < world * world; ++i) {
    matrix.counts.push_back(random() % 3 == 0 ? 0 : random() % (most + 1));
  }
  return matrix;
}

PairBlocks blocks_of(const Matrix& matrix, uint32_t self) {
  PairBlocks blocks;
  uint64_t at = 0;
  for (uint32_t from = 0; from < matrix.world; ++from) {
    const uint64_t count = matrix.from_to(from, self);
    blocks.received.push_back({at, at + count});
    at += count;
  }
  for (uint32_t to = 0; to < matrix.world; ++to) {
    const uint64_t count = to == self ? 0 : matrix.from_to(self, to);
    blocks.sent.push_back(to == self ? blocks.received[self] : ElementRange{at, at + count});
    at += count;
  }
  return blocks;
}

ScheduleRequest request_of(const Matrix& matrix, uint32_t self, uint32_t chunk_bytes = 1024) {
  const PairBlocks blocks = blocks_of(matrix, self);
  ScheduleRequest request;
  request.world = matrix.world;
  request.self = self;
  request.element_bytes = 2;
  request.chunk_bytes_max = chunk_bytes;
  for (const ElementRange& block : blocks.received) request.count += block.count();
  for (uint32_t to = 0; to < matrix.world; ++to) {
    if (to != self) request.count += blocks.sent[to].count();
  }
  return request;
}

// A chunk under way; where it is in the block of its pair.
struct Chunk {
  uint32_t from = 0;
  Transfer transfer;
};

class Crossing {
 public:
  explicit Crossing(const Matrix& matrix, uint32_t chunk_bytes = 1024) : matrix_(matrix) {
    for (uint32_t i = 0; i < matrix.world; ++i) {
      blocks_.push_back(blocks_of(matrix, i));
      schedules_.push_back(make_all_to_all(request_of(matrix, i, chunk_bytes), blocks_[i]));
    }
  }

  void start(uint32_t index) {
    Work work;
    schedules_[index]->start(work);
    if (matrix_.from_to(index, index) > 0) {
      ASSERT_EQ(work.copies, std::vector<ElementRange>{blocks_[index].received[index]});
    } else {
      ASSERT_TRUE(work.copies.empty());
    }
    take(index, work);
  }

  Arrival arrival_of(const Chunk& chunk) const {
    const uint32_t to = chunk.transfer.to;
    const uint64_t sent = blocks_[chunk.from].sent[to].begin;
    const uint64_t first = blocks_[to].received[chunk.from].begin;
    return {chunk.from, chunk.transfer.segment, chunk.transfer.step,
            {first + chunk.transfer.range.begin - sent, first + chunk.transfer.range.end - sent}};
  }

  void deliver(size_t index) {
    const Chunk chunk = flights_[index];
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(index));
    const uint32_t to = chunk.transfer.to;
    const Arrival arrival = arrival_of(chunk);
    const auto accepted = schedules_[to]->expect(arrival);
    ASSERT_TRUE(accepted.has_value()) << accepted.error().message;
    ASSERT_EQ(accepted->action, Action::kStore);
    Work work;
    schedules_[to]->absorbed(arrival, work);
    ASSERT_FALSE(schedules_[to]->expect(arrival).has_value());
    received_[{chunk.from, to}] += arrival.range.count();
    take(to, work);
  }

  Schedule& schedule(uint32_t index) { return *schedules_[index]; }
  std::deque<Chunk>& flights() { return flights_; }
  uint64_t received(uint32_t from, uint32_t to) { return received_[{from, to}]; }

 private:
  void take(uint32_t index, const Work& work) {
    ASSERT_TRUE(work.combines.empty());
    for (const Transfer& transfer : work.sends) {
      ASSERT_TRUE(transfer.from_source);
      flights_.push_back({index, transfer});
    }
  }

  const Matrix matrix_;
  std::vector<PairBlocks> blocks_;
  std::vector<std::unique_ptr<Schedule>> schedules_;
  std::deque<Chunk> flights_;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> received_;
};

TEST(AllToAllSchedule, EndsForEachWithAllBlocksInWhateverOrderChunksCome) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    std::mt19937_64 random(seed);
    const auto world = static_cast<uint32_t>(1 + random() % 23);
    const uint64_t most = seed % 3 == 0 ? 3 : seed % 3 == 1 ? 1500 : 40'000;
    const Matrix matrix = random_matrix(world, most, seed);
    Crossing crossing(matrix);
    std::vector<uint32_t> asleep(world);
    for (uint32_t i = 0; i < world; ++i) asleep[i] = i;
    std::shuffle(asleep.begin(), asleep.end(), random);
    std::vector<bool> awake(world, false);
    for (;;) {
      const auto& flights = crossing.flights();
      std::vector<size_t> ready;
      for (size_t i = 0; i < flights.size(); ++i) {
        if (awake[flights[i].transfer.to]) ready.push_back(i);
      }
      if (!asleep.empty() && (ready.empty() || random() % 8 == 0)) {
        crossing.start(asleep.back());
        awake[asleep.back()] = true;
        asleep.pop_back();
        continue;
      }
      if (ready.empty()) break;
      crossing.deliver(ready[random() % ready.size()]);
      if (HasFatalFailure()) FAIL() << "seed " << seed;
    }
    for (uint32_t i = 0; i < world; ++i) {
      ASSERT_TRUE(crossing.schedule(i).complete()) << "seed " << seed << ", participant " << i;
      ASSERT_TRUE(crossing.schedule(i).awaited().empty());
      for (uint32_t from = 0; from < world; ++from) {
        const uint64_t due = from == i ? 0 : matrix.from_to(from, i);
        ASSERT_EQ(crossing.received(from, i), due);
      }
    }
  }
}

// Long blocks: at most so many distances ahead, and each participant another one first.
TEST(AllToAllSchedule, LongBlocksDoNotAllMeetAtOneReceiver) {
  constexpr uint32_t kWorld = 64;
  const uint64_t elements = AllToAll::kBytesAhead / 2;  // of 2 bytes
  const Matrix matrix{kWorld, std::vector<uint64_t>(kWorld * kWorld, elements)};
  Crossing crossing(matrix, 1u << 20);
  std::map<uint32_t, std::vector<uint32_t>> senders;  // by receiver, of what is under way
  std::vector<uint32_t> first_target;
  for (uint32_t i = 0; i < kWorld; ++i) {
    const size_t before = crossing.flights().size();
    crossing.start(i);
    first_target.push_back(crossing.flights()[before].transfer.to);
    for (size_t at = before; at < crossing.flights().size(); ++at) {
      std::vector<uint32_t>& from = senders[crossing.flights()[at].transfer.to];
      if (from.empty() || from.back() != i) from.push_back(i);
    }
  }
  for (uint32_t i = 0; i < kWorld; ++i) {
    EXPECT_EQ(first_target[i], (i + 1) % kWorld);
    EXPECT_EQ(senders[i].size(), AllToAll::kDistancesAhead);
  }
}

TEST(AllToAllSchedule, ShortBlocksAllGoAtOnce) {
  constexpr uint32_t kWorld = 64;
  Crossing crossing({kWorld, std::vector<uint64_t>(kWorld * kWorld, 100)});
  crossing.start(5);
  EXPECT_EQ(crossing.flights().size(), kWorld - 1);
}

TEST(AllToAllSchedule, AnEmptyBlockIsOneChunkWithoutElements) {
  Crossing crossing({2, {0, 0, 0, 0}});
  crossing.start(0);
  crossing.start(1);
  EXPECT_FALSE(crossing.schedule(0).complete());
  ASSERT_EQ(crossing.flights().size(), 2u);
  EXPECT_TRUE(crossing.flights()[0].transfer.range.empty());
  crossing.deliver(0);
  crossing.deliver(0);
  EXPECT_TRUE(crossing.schedule(0).complete());
  EXPECT_TRUE(crossing.schedule(1).complete());
}

TEST(AllToAllSchedule, RefusesWhatItDoesNotExpect) {
  const Matrix matrix{3, {1, 2, 3, 700, 5, 6, 7, 8, 9}};
  const auto schedule = make_all_to_all(request_of(matrix, 0), blocks_of(matrix, 0));
  Work work;
  schedule->start(work);
  const Arrival good{1, 0, 0, {1, 513}};
  ASSERT_TRUE(schedule->expect(good).has_value());
  for (const auto& [spoiled, why] : std::vector<std::pair<Arrival, std::string>>{
           {{0, 0, 0, {0, 1}}, "expects nothing from it"},
           {{3, 0, 0, {0, 1}}, "expects nothing from it"},
           {{1, 9, 0, {1, 513}}, "of a block of"},
           {{1, 0, 1, {1, 513}}, "one step"},
           {{1, 0, 0, {1, 512}}, "which are elements 1 to 513"},
           {{1, 0, 0, {2, 514}}, "which are elements 1 to 513"},
           {{2, 0, 0, {1, 513}}, "which are elements 701 to 708"}}) {
    const auto refused = schedule->expect(spoiled);
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().message.find(why), std::string::npos) << refused.error().message;
  }
  EXPECT_THROW(make_all_to_all(request_of(matrix, 0), {{{0, 1}}, {{0, 1}}}), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::collective
