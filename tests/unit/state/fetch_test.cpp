#include "state/fetch.h"

#include <set>

#include "base/assert.h"
#include "unit/state/state_fixture.h"

namespace atoll_core::state {
namespace {

using Fate = Exchange::Fate;

const std::vector<uint64_t> kSizes{0, 1, kMiB - 1, kMiB, kMiB + 1, 4 * kMiB + 77, 400, 6 * kMiB};
const PeerId kAnna{(uint64_t{1} << 32) + 1};
const PeerId kBert{(uint64_t{1} << 32) + 2};
const PeerId kCleo{(uint64_t{1} << 32) + 3};

std::vector<ChunkName> random_chunks(const State& state, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<ChunkName> chunks;
  for (uint32_t t = 0; t < state.table.tensors().size(); ++t) {
    for (uint64_t c = 0; c < state.table.tensors()[t].chunk_count(); ++c) {
      if (random() % 3 == 0) chunks.push_back({t, c});
    }
  }
  return chunks;
}

std::set<ChunkName> chunks_of(const std::vector<ResponseName>& served) {
  std::set<ChunkName> chunks;
  for (const ResponseName& name : served) {
    if (name.item != StateItem::kChunks) continue;
    EXPECT_TRUE(chunks.insert({name.tensor, name.first_chunk}).second) << to_string(name);
  }
  return chunks;
}

void expect_committed(FetchMachine& machine, const State& elected, State& local) {
  ASSERT_TRUE(machine.complete());
  ASSERT_FALSE(machine.failure().has_value());
  const auto committed = machine.commit();
  ASSERT_TRUE(committed.has_value()) << committed.error().message;
  EXPECT_EQ(*committed, elected.digests);
  EXPECT_EQ(local.digests, elected.digests);
  EXPECT_EQ(compute_digests(local.table), elected.digests);
  EXPECT_EQ(local.bytes(), elected.bytes());
  EXPECT_EQ(local.table.revision(), elected.table.revision());
  EXPECT_TRUE(local.table.holds_content());
  EXPECT_FALSE(local.table.torn());
}

TEST(Fetch, IdenticalStatesMoveNothing) {
  const auto elected = make_state(kSizes, 1, 9);
  auto local = make_state(kSizes, 1, 4);
  auto machine = make_machine(plan_for(*elected, {}), *local);
  std::vector<FetchRequest> requests;
  machine->take_requests(requests);
  EXPECT_TRUE(requests.empty());
  EXPECT_EQ(machine->describe_difference(), "");
  expect_committed(*machine, *elected, *local);
  EXPECT_EQ(machine->counters().bytes_received, 0u);
}

TEST(Fetch, MovesExactlyTheChunksThatDiffer) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const auto elected = make_state(kSizes, 2, 9);
    auto local = make_state(kSizes, 2, seed % 2 == 0 ? 0 : 4);
    const std::vector<ChunkName> changed = random_chunks(*local, seed);
    change(*local, changed, seed);
    FetchPlan plan = plan_for(*elected, {kAnna, kBert, kCleo});
    plan.in_place = seed % 2 == 0;
    auto machine = make_machine(plan, *local);
    Exchange exchange(*elected, *machine, seed);
    exchange.run();
    EXPECT_EQ(chunks_of(exchange.served()), std::set<ChunkName>(changed.begin(), changed.end()));
    std::set<uint32_t> tensors;
    for (const ChunkName& name : changed) tensors.insert(name.tensor);
    EXPECT_EQ(machine->counters().tensors_received, tensors.size());
    EXPECT_EQ(machine->counters().chunks_received, changed.size());
    expect_committed(*machine, *elected, *local);
  }
}

TEST(Fetch, NothingChangesBeforeTheCommitUnlessInPlace) {
  const auto elected = make_state(kSizes, 3, 9);
  auto local = make_state(kSizes, 4, 4);
  const auto before = local->bytes();
  const StateDigests digests_before = local->digests;
  auto machine = make_machine(plan_for(*elected, {kAnna}), *local);
  Exchange exchange(*elected, *machine, 1);
  exchange.run();
  EXPECT_EQ(local->bytes(), before);
  EXPECT_EQ(local->digests, digests_before);
  EXPECT_EQ(local->table.revision(), 4u);
  EXPECT_FALSE(local->table.torn());
  expect_committed(*machine, *elected, *local);
}

TEST(Fetch, StripesOverAllHoldersWithinTheirWindows) {
  const auto elected = make_state({40 * kMiB, 10 * kMiB}, 5, 9);
  auto local = make_state({40 * kMiB, 10 * kMiB}, 6, 0);
  FetchPlan plan = plan_for(*elected, {kAnna, kBert, kCleo, kBert});
  plan.window = 2;
  auto machine = make_machine(plan, *local);
  Exchange exchange(*elected, *machine, 7);
  exchange.run();
  EXPECT_LE(exchange.most_pending(), 6u);
  EXPECT_GE(exchange.most_pending(), 5u);
  for (const PeerId holder : plan.holders) EXPECT_GE(exchange.asked()[holder], 10u);
  expect_committed(*machine, *elected, *local);
}

TEST(Fetch, SmallTensorsShareAWindow) {
  const std::vector<uint64_t> sizes(500, 64);
  const auto elected = make_state(sizes, 8, 9);
  auto local = make_state(sizes, 9, 0);
  FetchPlan plan = plan_for(*elected, {kAnna});
  plan.window = 4;
  auto machine = make_machine(plan, *local);
  std::vector<FetchRequest> requests;
  machine->take_requests(requests);
  EXPECT_EQ(requests.size(), 4u * HolderSet::kSmallRequestsPerChunk);
  // No list of digests is asked for: a tensor of one chunk needs none.
  for (const FetchRequest& asked : requests) EXPECT_EQ(asked.request.item, StateItem::kChunks);
}

TEST(Fetch, ALiarIsNamedAndTheRestComesFromOthers) {
  for (const Fate fate : {Fate::kCorrupt, Fate::kWrongSize}) {
    for (const bool in_place : {false, true}) {
      const auto elected = make_state(kSizes, 10, 9);
      auto local = make_state(kSizes, 11, 0);
      FetchPlan plan = plan_for(*elected, {kAnna, kBert, kCleo});
      plan.in_place = in_place;
      auto machine = make_machine(plan, *local);
      Exchange exchange(*elected, *machine, 12);
      exchange.run([&](PeerId holder, const StateRequest&) {
        return holder == kBert ? fate : Fate::kServe;
      });
      expect_committed(*machine, *elected, *local);
      EXPECT_LE(exchange.asked()[kBert], uint64_t{plan.window} * HolderSet::kSmallRequestsPerChunk);
    }
  }
}

TEST(Fetch, ALiarsSentenceSaysWhat) {
  const auto elected = make_state({10}, 1, 9);
  auto local = make_state({10}, 2, 0);
  auto machine = make_machine(plan_for(*elected, {kAnna}), *local);
  std::vector<FetchRequest> requests;
  machine->take_requests(requests);
  ASSERT_EQ(requests.size(), 1u);
  const ByteBuffer wrong(10, std::byte{3});
  const auto taken = machine->on_response(kAnna, requests[0].request, wrong);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kStateConflict);
  EXPECT_EQ(taken.error().message,
            "peer 1.1 sent bytes that do not have the elected digest for chunks 0 to 1 of tensor "
            "0 in revision 9");
  ASSERT_TRUE(machine->failure().has_value());
  EXPECT_EQ(machine->failure()->code, ErrorCode::kPeerLost);
  EXPECT_NE(machine->failure()->message.find(taken.error().message), std::string::npos);
}

TEST(Fetch, ADyingHoldersRequestsGoElsewhere) {
  for (const Fate fate : {Fate::kLose, Fate::kRefuse}) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      const auto elected = make_state(kSizes, 13, 9);
      auto local = make_state(kSizes, 14, 0);
      auto machine = make_machine(plan_for(*elected, {kAnna, kBert, kCleo}), *local);
      Exchange exchange(*elected, *machine, seed);
      uint64_t answers = 0;
      exchange.run([&](PeerId holder, const StateRequest&) {
        const bool over = ++answers > seed && holder != kAnna;
        return over ? fate : Fate::kServe;
      });
      expect_committed(*machine, *elected, *local);
    }
  }
}

TEST(Fetch, WithoutHoldersItFailsAndTheBytesAreAsTheyWere) {
  for (const Fate fate : {Fate::kLose, Fate::kRefuse, Fate::kCorrupt}) {
    const auto elected = make_state(kSizes, 15, 9);
    auto local = make_state(kSizes, 16, 4);
    const auto before = local->bytes();
    auto machine = make_machine(plan_for(*elected, {kAnna, kBert}), *local);
    Exchange exchange(*elected, *machine, 17);
    uint64_t answers = 0;
    exchange.run([&](PeerId, const StateRequest&) {
      // What is outstanding is awaited: no failure while a link may still write.
      EXPECT_FALSE(machine->failure().has_value());
      return ++answers > 5 ? fate : Fate::kServe;
    });
    ASSERT_TRUE(machine->failure().has_value());
    EXPECT_FALSE(machine->complete());
    EXPECT_TRUE(exchange.pending().empty());
    EXPECT_NE(machine->failure()->message.find("peer 1.1"), std::string::npos);
    EXPECT_NE(machine->failure()->message.find("peer 1.2"), std::string::npos);
    EXPECT_THROW((void)machine->commit(), BrokenInvariant);
    EXPECT_EQ(local->bytes(), before);
    EXPECT_EQ(local->table.revision(), 4u);
    EXPECT_EQ(compute_digests(local->table), local->digests);
  }
}

TEST(Fetch, WithoutAnyHolderItFailsAtOnce) {
  const auto elected = make_state({10}, 1, 9);
  auto local = make_state({10}, 2, 0);
  auto machine = make_machine(plan_for(*elected, {}), *local);
  ASSERT_TRUE(machine->failure().has_value());
  EXPECT_FALSE(machine->complete());
}

// What a failed fetch in place has overwritten is known: the next one, of other content, is right,
// and does not fetch again what is there.
TEST(Fetch, AFailedFetchInPlaceCanBeFollowedByAnother) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto first = make_state(kSizes, 18, 9);
    const auto second = make_state(kSizes, 19, 10);
    const bool same = seed % 2 == 0;
    auto local = make_state(kSizes, 19, 0);
    FetchPlan plan = plan_for(*first, {kAnna});
    plan.in_place = true;
    auto machine = make_machine(plan, *local);
    Exchange failing(*first, *machine, seed);
    uint64_t answers = 0;
    failing.run([&](PeerId, const StateRequest&) {
      return ++answers > 3 + seed ? Fate::kLose : Fate::kServe;
    });
    ASSERT_TRUE(machine->failure().has_value());
    EXPECT_TRUE(local->table.torn());
    EXPECT_EQ(local->table.revision(), 0u);
    const auto had = chunks_of(failing.served());

    const State& elected = same ? *first : *second;
    plan = plan_for(elected, {kBert, kCleo});
    plan.in_place = true;
    machine = make_machine(plan, *local);
    Exchange exchange(elected, *machine, seed);
    exchange.run();
    for (const ChunkName& name : chunks_of(exchange.served())) {
      EXPECT_NE(had.count(name), same ? 1u : 0u);
    }
    expect_committed(*machine, elected, *local);
  }
}

TEST(Fetch, RefusesResponsesItDidNotAskForWithoutAChange) {
  const auto elected = make_state(kSizes, 20, 9);
  auto local = make_state(kSizes, 21, 0);
  auto machine = make_machine(plan_for(*elected, {kAnna, kBert}), *local);
  std::vector<FetchRequest> requests;
  machine->take_requests(requests);
  ASSERT_FALSE(requests.empty());
  const FetchRequest asked = requests.front();
  const PeerId other = asked.holder == kAnna ? kBert : kAnna;
  std::vector<ResponseName> wrong(5, asked.request);
  wrong[0].tensor = 99;
  wrong[1].first_chunk = 1u << 30;
  wrong[2].revision = 8;
  wrong[3].chunk_count += 1;
  wrong[4].item = asked.request.item == StateItem::kChunks ? StateItem::kDigests
                                                           : StateItem::kChunks;
  for (const ResponseName& name : wrong) {
    EXPECT_FALSE(machine->destination(asked.holder, name, 1).has_value());
    EXPECT_FALSE(machine->on_response(asked.holder, name, as_bytes("x")).has_value());
    machine->on_refused(asked.holder, name, "no");
  }
  EXPECT_FALSE(machine->destination(other, asked.request, 1).has_value());
  EXPECT_FALSE(machine->destination(kCleo, asked.request, 1).has_value());
  machine->on_holder_lost(kCleo);

  const auto answer = serve(elected->table, elected->digests, asked.request);
  const ByteSpan payload = answer->front().payload();
  const auto place = machine->destination(asked.holder, asked.request, payload.size());
  const auto again = machine->destination(asked.holder, asked.request, payload.size());
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->data(), again->data());
  EXPECT_TRUE(machine->on_response(asked.holder, asked.request, payload).has_value());
  const auto twice = machine->on_response(asked.holder, asked.request, payload);
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().code, ErrorCode::kInvalidArgument);
}

TEST(Fetch, DescribesWhatDiffers) {
  const auto elected = make_state({6 * kMiB + 10, 8, 8}, 22, 9);
  auto local = make_state({6 * kMiB + 10, 8, 8}, 22, 4);
  change(*local, {{0, 1}, {0, 2}, {0, 6}, {2, 0}}, 23);
  auto machine = make_machine(plan_for(*elected, {kAnna}), *local);
  Exchange exchange(*elected, *machine, 24);
  exchange.run();
  EXPECT_EQ(machine->describe_difference(),
            "tensor layer.0 bytes 1048576 to 3145728, 6291456 to 6291466; tensor layer.2 bytes 0 "
            "to 8");
  EXPECT_EQ(machine->describe_difference(1),
            "tensor layer.0 bytes 1048576 to 3145728; and 2 more");
}

TEST(Fetch, RefusesAPlanThatDoesNotFit) {
  const auto elected = make_state({10, 0}, 25, 9);
  auto local = make_state({10, 0}, 26, 4);
  const auto code = [&](const FetchPlan& plan) {
    const auto machine = FetchMachine::create(plan, local->table, local->digests);
    return machine ? ErrorCode::kSuccess : machine.error().code;
  };
  const FetchPlan good = plan_for(*elected, {kAnna});
  EXPECT_EQ(code(good), ErrorCode::kSuccess);
  FetchPlan plan = good;
  plan.tensors[0].count = 11;
  EXPECT_EQ(code(plan), ErrorCode::kMismatch);
  plan = good;
  plan.tensors[0].name = "other";
  EXPECT_EQ(code(plan), ErrorCode::kMismatch);
  plan = good;
  plan.tensors.pop_back();
  EXPECT_EQ(code(plan), ErrorCode::kMismatch);
  plan = good;
  plan.tensors[0].digest.low ^= 1;
  EXPECT_EQ(code(plan), ErrorCode::kStateConflict);
  plan.tensors = good.tensors;
  plan.tensors[1].digest.low ^= 1;
  EXPECT_EQ(code(plan), ErrorCode::kStateConflict);
  plan = good;
  plan.in_place = true;
  EXPECT_EQ(code(plan), ErrorCode::kInvalidUsage);
  ASSERT_TRUE(local->table.begin_write().has_value());
  EXPECT_EQ(code(good), ErrorCode::kInvalidUsage);
}

}  // namespace
}  // namespace atoll_core::state
