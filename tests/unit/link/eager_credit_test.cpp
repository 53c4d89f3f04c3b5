// What hundreds of links may make one peer keep of calls that it has not made.
#include "link/eager_credit.h"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "unit/link/link_pair.h"

namespace atoll_core::link {
namespace {

constexpr uint64_t kMiB = 1u << 20;

uint64_t cost_of(uint64_t payload) { return payload + limits::kEagerChunkCost; }

// Both ends of one link's credit, without the link.
struct Ends {
  explicit Ends(EagerPool& pool) : receiver(&pool) {}

  // Something that is taken at once: a sender that sends nothing is granted no more than the least.
  void begin() {
    const uint64_t cost = cost_of(0);
    if (!sender.may_send(cost)) return;
    sender.send(cost);
    receiver.arrive(cost);
    receiver.take(cost);
  }
  // What is to be told is told, and what is given back arrives.
  void talk() {
    while (receiver.due()) {
      const uint64_t back = sender.hear(receiver.tell());
      ASSERT_TRUE(receiver.admits(back));
      receiver.arrive(back);
      receiver.take(back);
    }
  }
  // As much as may be sent, at most `bytes`, is sent and kept. Returns how much.
  uint64_t send(uint64_t bytes) {
    uint64_t sent = 0;
    for (; sent < bytes && sender.may_send(cost_of(1024)); sent += cost_of(1024)) {
      sender.send(cost_of(1024));
      EXPECT_TRUE(receiver.admits(cost_of(1024))) << "granted credit was refused";
      receiver.arrive(cost_of(1024));
    }
    kept += sent;
    return sent;
  }
  void take_all() {
    receiver.take(kept);
    kept = 0;
  }

  EagerSender sender;
  EagerReceiver receiver;
  uint64_t kept = 0;
};

struct Host {
  // As a roster of so many makes it.
  void have_links(size_t count) {
    while (links.size() > count) links.pop_back();
    while (links.size() < count) {
      links.push_back(std::make_unique<Ends>(pool));
      links.back()->begin();
    }
    share();
    share();  // of what the first have given back
  }
  void share() {
    for (auto& link : links) {
      link->receiver.set_window(pool.share(links.size()));
      link->talk();
    }
  }
  uint64_t outstanding() const {
    uint64_t sum = 0;
    for (const auto& link : links) sum += link->receiver.outstanding();
    return sum;
  }
  uint64_t bound() const {
    return limits::kEagerBytesInAll + links.size() * limits::kEagerBytesLeast;
  }

  EagerPool pool;
  std::vector<std::unique_ptr<Ends>> links;
};

// Hundreds of links that begin together say nothing of credit while nobody sends any.
TEST(EagerCredit, ALinkOverWhichNothingEagerHasComeHasNothingToTell) {
  EagerPool pool;
  Ends ends(pool);
  for (const size_t links : {1u, 12u, 100u, 4096u, 1u}) {
    ends.receiver.set_window(pool.share(links));
    EXPECT_FALSE(ends.receiver.due()) << links;
  }
  ends.begin();
  EXPECT_TRUE(ends.receiver.due());
}

TEST(EagerCredit, AFewLinksHaveWhatALinkMayHave) {
  Host host;
  for (const size_t count : {1u, 2u, 8u, 12u}) {
    host.have_links(count);
    for (const auto& link : host.links) {
      EXPECT_EQ(link->receiver.outstanding(), limits::kEagerBytesPerLink) << count;
    }
  }
}

// However they come: all at once, or one after the other.
TEST(EagerCredit, AllLinksTogetherHaveABound) {
  for (const size_t step : {1u, 7u, 255u, 1000u}) {
    Host host;
    for (size_t count = 1; count <= 4096; count += step) {
      host.have_links(count);
      EXPECT_EQ(host.pool.used, host.outstanding());
      ASSERT_LE(host.pool.used, host.bound()) << count << " links";
    }
  }
}

TEST(EagerCredit, MoreLinksHaveLessEachAndNeverLessThanAShortCallNeeds) {
  Host host;
  host.have_links(16);
  host.have_links(256);
  for (const auto& link : host.links) {
    EXPECT_GE(link->receiver.outstanding(), kMiB / 4);
    EXPECT_LT(link->receiver.outstanding(), kMiB / 2);
  }
  host.have_links(4096);
  for (const auto& link : host.links) {
    EXPECT_GE(link->receiver.outstanding(), cost_of(limits::kLatePostBytes));
  }
  EXPECT_LE(host.pool.used, host.bound());
  // And more again when they have gone.
  host.have_links(4);
  for (const auto& link : host.links) {
    EXPECT_EQ(link->receiver.outstanding(), limits::kEagerBytesPerLink);
  }
}

// The first links have been granted all there is, have used it, and nobody takes it.
TEST(EagerCredit, WhatWasGrantedIsTakenHoweverManyLinksCome) {
  Host host;
  host.have_links(16);
  for (auto& link : host.links) link->send(5 * kMiB);
  host.have_links(256);
  uint64_t late = 0;
  for (auto& link : host.links) late += link->send(UINT64_MAX);  // each is admitted, or fails
  EXPECT_GT(late, 0u);
  uint64_t kept = 0;
  for (auto& link : host.links) kept += link->kept;
  EXPECT_LE(kept, host.bound());
  // The calls are made at last: then all have the same.
  for (auto& link : host.links) link->take_all();
  host.share();
  host.share();
  for (const auto& link : host.links) {
    EXPECT_GE(2 * link->receiver.outstanding(), host.pool.share(256));
    EXPECT_LE(4 * link->receiver.outstanding(), 5 * host.pool.share(256));
  }
}

TEST(EagerCredit, NothingOfItIsLostInARandomLife) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    Host host;
    for (int step = 0; step < 400; ++step) {
      if (random() % 8 == 0) host.have_links(1 + random() % 300);
      if (host.links.empty()) continue;
      Ends& link = *host.links[random() % host.links.size()];
      if (random() % 3 == 0) link.take_all();
      else link.send(random() % (4 * kMiB));
      link.talk();
      ASSERT_EQ(host.pool.used, host.outstanding());
      ASSERT_LE(host.pool.used, host.bound());
    }
    for (auto& link : host.links) link->take_all();
    host.share();
    host.share();
    for (auto& link : host.links) {
      EXPECT_GE(2 * link->receiver.outstanding(), host.pool.share(host.links.size()));
    }
    host.links.clear();
    EXPECT_EQ(host.pool.used, 0u);
  }
}

TEST(EagerCredit, ASenderThatTakesMoreIsFound) {
  EagerReceiver receiver(nullptr);
  EXPECT_TRUE(receiver.admits(limits::kEagerBytesLeast));
  EXPECT_FALSE(receiver.admits(limits::kEagerBytesLeast + 1));
  receiver.arrive(limits::kEagerBytesLeast);
  EXPECT_FALSE(receiver.admits(1));
  receiver.take(100);
  EXPECT_FALSE(receiver.admits(1)) << "it was not told yet that it may send again";
}

// Chunks without elements cost memory, too.
TEST(EagerCredit, SmallChunksCostMoreThanTheirBytes) {
  wire::FrameHeader header;
  EXPECT_EQ(eager_cost(header), limits::kEagerChunkCost);
  header.payload_bytes = 10;
  EXPECT_EQ(eager_cost(header), limits::kEagerChunkCost + 10);
}

// ---- over real links ---------------------------------------------------------------------------

// Chunks of calls that the other side keeps, for it has not made them.
class EagerLink : public ::testing::Test {
 protected:
  void SetUp() override {
    pair_.there().place_by([](const wire::FrameHeader& header) {
      using Kind = Placement::Kind;
      return Placement{header.eager ? Kind::kKeep : Kind::kScratch, {}};
    });
    pair_.there().link().set_eager_window(kWindow);
    pair_.add();
    pair_.settle();
  }
  void send(uint64_t attempt, size_t frames) {
    for (size_t i = 0; i < frames; ++i) {
      pair_.here().link().send_chunk(frame_of(attempt_number(attempt), ++number_, memory_));
    }
  }
  void let_all_go() {
    for (const auto& [number, came] : pair_.there().delivered()) {
      if (released_.insert(number).second) pair_.there().link().let_go(came.header);
    }
  }

  static constexpr uint64_t kWindow = 400u << 10;
  const ByteBuffer memory_ = ByteBuffer(10u << 10, std::byte{3});
  LinkPair pair_;
  uint64_t number_ = 0;
  std::set<uint64_t> released_;
};

TEST_F(EagerLink, SendsAWindowAndGoesOnWhenItIsLetGo) {
  send(1, 60);
  send(2, 60);
  pair_.settle();
  const size_t window = kWindow / cost_of(memory_.size());
  EXPECT_EQ(pair_.there().deliveries(), window);
  EXPECT_EQ(pair_.here().link().waiting_frames(), 120 - window);
  while (pair_.there().deliveries() < 120) {
    const uint64_t before = pair_.there().deliveries();
    let_all_go();
    pair_.settle();
    ASSERT_GT(pair_.there().deliveries(), before);
  }
  let_all_go();
  EXPECT_LE(pair_.there().link().eager_outstanding(), kWindow);
  EXPECT_GE(pair_.there().link().eager_outstanding(), kWindow / 2);
}

TEST_F(EagerLink, AWindowThatShrinksDropsNothing) {
  send(1, 10);
  pair_.settle();
  pair_.there().link().set_eager_window(limits::kEagerBytesLeast);
  pair_.settle();
  send(1, 80);
  pair_.settle();
  EXPECT_LE(pair_.there().link().eager_outstanding(),
            10 * cost_of(memory_.size()) + limits::kEagerBytesLeast);
  EXPECT_GT(pair_.there().deliveries(), 10u);
  while (pair_.there().deliveries() < 90) {
    const uint64_t before = pair_.there().deliveries();
    let_all_go();
    pair_.settle();
    ASSERT_GT(pair_.there().deliveries(), before);
  }
}

// Chunks that were lost with their connection, and whose call has ended meanwhile, never come: what
// comes in their place gives the credit back.
TEST_F(EagerLink, CreditOfChunksThatNeverComeIsNotLost) {
  for (uint64_t round = 1; round <= 40; ++round) {
    send(round, 30);
    const ConnectionKey key = *pair_.connections().begin();
    while (pair_.write(LinkPair::kHere, key, 64u << 10) > 0) {
    }
    pair_.read(LinkPair::kThere, key, 50u << 10);
    pair_.here().link().revoke(attempt_number(round));
    pair_.cut(key);
    pair_.add();
    pair_.settle();
    let_all_go();
    pair_.settle();
  }
  const uint64_t before = pair_.there().deliveries();
  send(99, 30);
  pair_.settle();
  EXPECT_EQ(pair_.there().deliveries(), before + 30);
}

// Although it is kept, and nothing else makes the receiver say anything.
TEST_F(EagerLink, TheFirstChunkRaisesTheCredit) {
  EXPECT_EQ(pair_.there().link().eager_outstanding(), limits::kEagerBytesLeast);
  send(1, 1);
  pair_.settle();
  EXPECT_EQ(pair_.there().link().eager_outstanding(), kWindow);
}

// What it has to say of its credit holds up nobody who waits for what is to be sent.
TEST_F(EagerLink, ALinkWithoutConnectionTellsItsCreditWhenItHasOneAgain) {
  send(1, 1);
  pair_.settle();
  let_all_go();
  pair_.pass(std::chrono::seconds(1));
  pair_.settle();
  pair_.cut(*pair_.connections().begin());
  const uint64_t before = pair_.there().link().eager_outstanding();
  pair_.there().link().set_eager_window(4 * kWindow);
  EXPECT_FALSE(pair_.there().link().has_something_to_send());
  EXPECT_EQ(pair_.there().link().eager_outstanding(), before);
  pair_.add();
  EXPECT_FALSE(pair_.there().link().at_rest());
  pair_.settle();
  EXPECT_EQ(pair_.there().link().eager_outstanding(), 4 * kWindow);
}

}  // namespace
}  // namespace atoll_core::link
