// Shared states of random bytes, and holders that answer requests for theirs.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "state/fetch.h"
#include "state/serve.h"

namespace atoll_core::state {

inline constexpr uint64_t kMiB = 1u << 20;

// A table with memory of its own. Two worlds of the same sizes differ only where told to.
struct State {
  std::vector<std::unique_ptr<ByteBuffer>> memory;
  StateTable table;
  StateDigests digests;

  void add(uint64_t bytes) {
    memory.push_back(std::make_unique<ByteBuffer>(bytes));
    const std::string name = "layer." + std::to_string(memory.size() - 1);
    const auto added = table.add_tensor(name, memory.back()->data(), DataType::kUint8, bytes);
    ASSERT_TRUE(added.has_value()) << added.error().message;
  }
  std::vector<ByteBuffer> bytes() const {
    std::vector<ByteBuffer> copy;
    for (const auto& tensor : memory) copy.push_back(*tensor);
    return copy;
  }
};

// Bytes that are never zero, eight at a time: the states are large.
inline void fill_random(State& state, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (auto& tensor : state.memory) {
    for (size_t at = 0; at < tensor->size(); at += 8) {
      const uint64_t word = random() | 0x0101010101010101u;
      std::memcpy(tensor->data() + at, &word, std::min<size_t>(8, tensor->size() - at));
    }
  }
}

inline std::unique_ptr<State> make_state(const std::vector<uint64_t>& sizes, uint64_t seed,
                                         uint64_t revision) {
  auto state = std::make_unique<State>();
  for (const uint64_t size : sizes) state->add(size);
  fill_random(*state, seed);
  if (revision > 0) state->table.adopt(revision);
  state->digests = compute_digests(state->table);
  return state;
}

// Changes one byte of each of these chunks and brings the digests up to date.
inline void change(State& state, const std::vector<ChunkName>& chunks, uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const ChunkName& name : chunks) {
    const MutableByteSpan bytes = state.table.tensors()[name.tensor].chunk(name.chunk);
    bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 + random() % 255);
  }
  update_digests(state.table, chunks, state.digests);
}

inline FetchPlan plan_for(const State& elected, std::vector<PeerId> holders) {
  const wire::StateSummary summary =
      make_summary(elected.table, elected.digests, wire::SyncStrategy::kPopular);
  FetchPlan plan;
  plan.revision = summary.revision;
  plan.digest = summary.digest;
  plan.tensors = summary.tensors;
  plan.holders = std::move(holders);
  return plan;
}

// Carries requests to holders that serve `elected`, in any order, and what they answer back.
class Exchange {
 public:
  struct Served {
    PeerId from;
    ResponseName name;
    ByteBuffer payload;
  };
  enum class Fate { kServe, kCorrupt, kRefuse, kLose, kWrongSize };
  using Judge = std::function<Fate(PeerId, const StateRequest&)>;

  Exchange(const State& elected, FetchMachine& machine, uint64_t seed)
      : elected_(elected), machine_(machine), random_(seed) {}

  // One request is answered; false when none is outstanding.
  bool step(const Judge& judge = {}) {
    machine_.take_requests(pending_);
    most_pending_ = std::max(most_pending_, pending_.size());
    if (pending_.empty()) return false;
    const size_t index = random_() % pending_.size();
    const FetchRequest asked = pending_[index];
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(index));
    ++asked_[asked.holder];
    answer(asked, judge ? judge(asked.holder, asked.request) : Fate::kServe);
    return true;
  }
  void run(const Judge& judge = {}) {
    while (step(judge) && !testing::Test::HasFatalFailure()) {
    }
  }

  std::map<PeerId, uint64_t>& asked() { return asked_; }
  const std::vector<ResponseName>& served() const { return served_; }
  const std::vector<FetchRequest>& pending() const { return pending_; }
  size_t most_pending() const { return most_pending_; }

 private:
  void answer(const FetchRequest& asked, Fate fate) {
    if (fate == Fate::kRefuse) {
      return machine_.on_refused(asked.holder, asked.request, "the state is being overwritten");
    }
    if (fate == Fate::kLose) return lose(asked.holder);
    auto responses = serve(elected_.table, elected_.digests, asked.request);
    ASSERT_TRUE(responses.has_value()) << responses.error().message;
    for (const StateResponse& response : *responses) {
      deliver(asked.holder, response.name, response.payload(), fate);
    }
  }

  void lose(PeerId holder) {
    std::erase_if(pending_, [&](const FetchRequest& request) { return request.holder == holder; });
    machine_.on_holder_lost(holder);
  }

  void deliver(PeerId from, const ResponseName& name, ByteSpan payload, Fate fate) {
    if (fate == Fate::kWrongSize) {
      EXPECT_FALSE(machine_.destination(from, name, payload.size() + 1).has_value());
      return;
    }
    ByteBuffer bytes(payload.begin(), payload.end());
    if (fate == Fate::kCorrupt) bytes[random_() % bytes.size()] ^= std::byte{0x40};
    // Half of the payloads are read straight to where they belong.
    ByteSpan handed_in = bytes;
    if (random_() % 2 == 0) {
      const Result<MutableByteSpan> place = machine_.destination(from, name, bytes.size());
      ASSERT_TRUE(place.has_value()) << place.error().message;
      std::copy(bytes.begin(), bytes.end(), place->begin());
      handed_in = *place;
    }
    const Result<void> taken = machine_.on_response(from, name, handed_in);
    ASSERT_EQ(taken.has_value(), fate == Fate::kServe);
    if (fate == Fate::kServe) served_.push_back(name);
  }

  const State& elected_;
  FetchMachine& machine_;
  std::mt19937_64 random_;
  std::vector<FetchRequest> pending_;
  size_t most_pending_ = 0;
  std::map<PeerId, uint64_t> asked_;
  std::vector<ResponseName> served_;
};

inline std::unique_ptr<FetchMachine> make_machine(FetchPlan plan, State& local) {
  auto machine = FetchMachine::create(std::move(plan), local.table, local.digests);
  EXPECT_TRUE(machine.has_value()) << machine.error().message;
  return machine ? std::move(*machine) : nullptr;
}

}  // namespace atoll_core::state
