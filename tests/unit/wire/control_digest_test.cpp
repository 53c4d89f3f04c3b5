#include <functional>
#include <set>

#include <gtest/gtest.h>
#include <xxhash.h>

#include "unit/wire/random_messages.h"
#include "wire/control.h"

namespace atoll_core::wire {
namespace {

using random_messages::any;
using random_messages::Random;

// The canonical form, written once more by hand.
class Form {
 public:
  Form& number(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  Form& text(const std::string& value) {
    number(value.size(), 4);
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

const std::vector<std::function<void(CallDescription&)>> kCallChanges = {
    [](auto& c) { c.kind = OpKind::kBroadcast; },
    [](auto& c) { c.type = DataType::kInt8; },
    [](auto& c) { c.reduce = ReduceOp::kMax; },
    [](auto& c) { c.count = 6; },
    [](auto& c) { c.tensors = 2; },
    [](auto& c) { c.layout.high = 1; },
    [](auto& c) { c.layout.low = 1; },
    [](auto& c) { c.algorithm = 1; },
    [](auto& c) { c.codec = 1; },
    [](auto& c) { c.root = PeerId{1}; },
    [](auto& c) { c.retry = false; },
    [](auto& c) { c.keep = true; },
};

TEST(Fingerprint, IsTheHashOfTheCanonicalForm) {
  CallDescription call;
  call.kind = OpKind::kBroadcast;
  call.type = DataType::kBfloat16;
  call.reduce = ReduceOp::kMin;
  call.count = 0x0102030405060708;
  call.tensors = 77;
  call.layout = {11, 12};
  call.algorithm = 3;
  call.codec = 4;
  call.root = PeerId{0xFEDC};
  Form form;
  form.text("atoll call 2").number(1, 1).number(9, 1).number(3, 1);
  form.number(call.count, 8).number(77, 4).number(11, 8).number(12, 8);
  form.number(3, 4).number(4, 4).number(0xFEDC, 8).number(1, 1).number(0, 1);
  EXPECT_EQ(fingerprint(call), XXH3_64bits(form.bytes().data(), form.bytes().size()));
}

TEST(Fingerprint, ChangesWithEveryField) {
  std::set<uint64_t> seen = {fingerprint(CallDescription{})};
  for (const auto& change : kCallChanges) {
    CallDescription call;
    change(call);
    EXPECT_TRUE(seen.insert(fingerprint(call)).second) << to_string(call);
  }
}

TEST(DescribeDifference, IsEmptyForEqualCallsAndOnlyForThem) {
  Random random(21);
  for (int i = 0; i < 100; ++i) {
    const auto call = any<CallDescription>(random);
    EXPECT_EQ(describe_difference(call, call), "");
  }
  for (const auto& change : kCallChanges) {
    CallDescription call;
    change(call);
    EXPECT_NE(describe_difference(call, CallDescription{}), "");
  }
}

TEST(DescribeDifference, NamesWhatDiffersOnBothSides) {
  CallDescription here;
  here.count = 5;
  CallDescription there;
  there.count = 6;
  there.type = DataType::kInt8;
  EXPECT_EQ(describe_difference(here, there),
            "count 5 here, 6 there; type float32 here, int8 there");
  there = here;
  there.root = PeerId{(uint64_t{1} << 32) + 2};
  there.layout.low = 1;
  EXPECT_EQ(describe_difference(here, there),
            "counts, types or layout of the tensors differ; root none here, 1.2 there");
}

TEST(DescribeDifference, NamesTheBlockThatDiffersWhereBothTellTheirs) {
  CallDescription here;
  here.kind = OpKind::kGather;
  here.count = 12;
  CallDescription there = here;
  there.layout.low = 1;
  EXPECT_EQ(describe_difference(here, there), "counts or layout of the blocks differ");
  here.counts = {5, 0, 7};
  EXPECT_EQ(describe_difference(here, there), "counts or layout of the blocks differ");
  there.counts = {5, 1, 6};
  EXPECT_EQ(describe_difference(here, there), "block 1 has 0 elements here, 1 there");
  EXPECT_EQ(fingerprint(here), fingerprint([&] {
              CallDescription untold = here;
              untold.counts.clear();
              return untold;
            }()));
}

TEST(CallText, SaysWhatIsCalled) {
  CallDescription call;
  call.count = 5;
  EXPECT_EQ(to_string(call), "all-reduce of 5 float32, sum");
  call.tensors = 3;
  call.codec = 2;
  call.retry = false;
  EXPECT_EQ(to_string(call), "all-reduce of 5 float32 in 3 tensors, sum, codec 2, no retry");
  call.retry = true;
  call.keep = true;
  EXPECT_EQ(to_string(call),
            "all-reduce of 5 float32 in 3 tensors, sum, codec 2, keeping segments");
  CallDescription broadcast;
  broadcast.kind = OpKind::kBroadcast;
  broadcast.root = PeerId{(uint64_t{1} << 32) + 2};
  EXPECT_EQ(to_string(broadcast), "broadcast of 0 float32 from 1.2");
  CallDescription barrier;
  barrier.kind = OpKind::kBarrier;
  EXPECT_EQ(to_string(barrier), "barrier");
  barrier.kind = OpKind::kSync;
  EXPECT_EQ(to_string(barrier), "state-sync");
  CallDescription reduce = broadcast;
  reduce.kind = OpKind::kReduce;
  EXPECT_EQ(to_string(reduce), "reduce of 0 float32, sum to 1.2");
}

View small_view() {
  View view;
  view.epoch = {{3, 4}, 5};
  view.generation.first = {{3, 4}, 2};
  PeerInfo peer;
  peer.id = PeerId{9};
  peer.session = {10, 11};
  peer.name = "island-1";
  peer.replica = "reef";
  peer.shard = 1;
  peer.shard_count = 2;
  peer.slot = 3;
  peer.computer = 13;
  peer.cpus = 14;
  peer.endpoints = {{"::1", 4000}};
  view.instance = {7, 8};
  view.slots = {PeerId{9}, PeerId{6}};
  view.members = {peer, peer};
  view.members[1].id = PeerId{12};
  view.members[1].endpoints.clear();
  view.plan.ring = {1, 0};
  view.plan.shares = {5, 6};
  view.plan.hub = 1;
  view.plan.pipelining = {8192, 15};
  view.plan.choices = {{4096, topology::Algorithm::kStar}, {}};
  return view;
}

TEST(ViewDigest, IsTheHashOfTheCanonicalForm) {
  Form form;
  form.text("atoll view 3").number(7, 8).number(8, 8).number(3, 4).number(4, 4).number(5, 8);
  form.number(3, 4).number(4, 4).number(2, 8);
  form.number(2, 4).number(9, 8).number(6, 8).number(2, 4);
  form.number(9, 8).number(10, 8).number(11, 8).text("island-1").text("reef");
  form.number(1, 4).number(2, 4).number(3, 4).number(13, 8).number(14, 4);
  form.number(1, 4).text("::1").number(4000, 2);
  form.number(12, 8).number(10, 8).number(11, 8).text("island-1").text("reef");
  form.number(1, 4).number(2, 4).number(3, 4).number(13, 8).number(14, 4).number(0, 4);
  form.number(2, 4).number(1, 4).number(0, 4).number(2, 4).number(5, 4).number(6, 4);
  form.number(1, 4).number(8192, 4).number(15, 4);
  form.number(2, 4).number(4096, 8).number(2, 1).number(~uint64_t{0}, 8).number(1, 1);
  const XXH128_hash_t hash = XXH3_128bits(form.bytes().data(), form.bytes().size());
  EXPECT_EQ(view_digest(small_view()), (ContentDigest{hash.high64, hash.low64}));
}

TEST(ViewDigest, ChangesWithEveryFieldAndTheOrder) {
  const std::vector<std::function<void(View&)>> changes = {
      [](View& v) { v.instance.high = 9; },
      [](View& v) { v.instance.low = 9; },
      [](View& v) { v.epoch.incarnation.counter = 9; },
      [](View& v) { v.epoch.incarnation.nonce = 9; },
      [](View& v) { v.epoch.number = 9; },
      [](View& v) { v.generation.first.number = 9; },
      [](View& v) { v.members[0].id = PeerId{77}; },
      [](View& v) { v.members[0].session.low = 77; },
      [](View& v) { v.members[0].name = "island-2"; },
      [](View& v) { v.members[0].replica = "cay"; },
      [](View& v) { v.members[0].shard = 0; },
      [](View& v) { v.members[0].shard_count = 3; },
      [](View& v) { v.members[0].slot = 4; },
      [](View& v) { v.members[0].computer = 4; },
      [](View& v) { v.members[0].cpus = 4; },
      [](View& v) { v.slots[1] = PeerId{7}; },
      [](View& v) { v.members[0].endpoints[0].host = "::2"; },
      [](View& v) { v.members[0].endpoints[0].port = 4001; },
      [](View& v) { v.members[0].endpoints.clear(); },
      [](View& v) { std::swap(v.members[0], v.members[1]); },
      [](View& v) { v.members.pop_back(); },
      [](View& v) { std::swap(v.plan.ring[0], v.plan.ring[1]); },
      [](View& v) { v.plan.ring.pop_back(); },
      [](View& v) { v.plan.shares[1] = 7; },
      [](View& v) { v.plan.hub = 0; },
      [](View& v) { v.plan.pipelining.chunk_bytes = 8193; },
      [](View& v) { v.plan.pipelining.segments_in_flight = 16; },
      [](View& v) { v.plan.choices[0].bytes_below = 4097; },
      [](View& v) { v.plan.choices[0].algorithm = topology::Algorithm::kMesh; },
      [](View& v) { v.plan.choices.pop_back(); },
  };
  std::set<ContentDigest> seen = {view_digest(small_view())};
  for (size_t i = 0; i < changes.size(); ++i) {
    View view = small_view();
    changes[i](view);
    EXPECT_TRUE(seen.insert(view_digest(view)).second) << "change " << i;
  }
}

TEST(SummaryOfPositions, IsTheSameForTheSameCallsAndForNoOthers) {
  const std::vector<CallPosition> positions{{0, 7, 4}, {0, 9, 1}, {kGroupAll, 7, 2}};
  const auto summary = summary_of(positions);
  ASSERT_EQ(summary.size(), 2u);
  EXPECT_EQ(summary[0].group, 0u);
  EXPECT_EQ(summary[0].names, 2u);
  EXPECT_EQ(summary[1].group, kGroupAll);
  EXPECT_EQ(summary[1].names, 1u);
  EXPECT_EQ(summary_of({{kGroupAll, 7, 2}, {0, 9, 1}, {0, 8, 0}, {0, 7, 4}}), summary);
  const std::vector<CallPosition> others[] = {{{0, 7, 4}, {0, 9, 2}},
                                              {{0, 7, 4}, {0, 8, 1}},
                                              {{0, 7, 4}},
                                              {{0, 7, 4}, {0, 9, 1}, {0, 10, 1}},
                                              {{0, 7, 1}, {0, 9, 4}}};
  for (const auto& other : others) EXPECT_NE(summary_of(other)[0], summary[0]);
  EXPECT_TRUE(summary_of({}).empty());
}

// All that a peer may call with: the request stays small, and the list can be told.
TEST(SummaryOfPositions, OfTheMostNamesIsShort) {
  std::vector<CallPosition> positions;
  for (uint64_t tag = 0; tag < limits::kCallPositions; ++tag) {
    positions.push_back({0, ~uint64_t{0} - 1 - tag, ~uint64_t{0}});
  }
  const UpdateRequest request{Epoch{}, 3, summary_of(positions), {}, false};
  EXPECT_LT(encode(ToCoordinator(request)).size(), 100u);
  const std::string told = encode(ToCoordinator(Positions{positions}));
  EXPECT_LE(told.size(), limits::kControlMessageBytes);
  EXPECT_TRUE(decode_to_coordinator(told));
}

}  // namespace
}  // namespace atoll_core::wire
