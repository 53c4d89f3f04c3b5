#include "link/link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "base/limits.h"
#include "unit/link/link_pair.h"
#include "wire/payload_checksum.h"

namespace atoll_core::link {
namespace {

constexpr int kHere = LinkPair::kHere;
constexpr int kThere = LinkPair::kThere;
constexpr size_t kHeader = wire::kFrameHeaderBytes;

// Everything that one side has to send, in memory of its own.
struct Load {
  std::vector<ByteBuffer> payloads;
  AttemptId attempt = attempt_number(1);

  Load(std::mt19937_64& random, size_t frames, size_t bytes_max) {
    for (size_t i = 0; i < frames; ++i) {
      payloads.push_back(random_payload(random, random() % (bytes_max + 1)));
    }
  }
  void send_all(Link& link) const {
    for (size_t i = 0; i < payloads.size(); ++i) {
      OutFrame frame = frame_of(attempt, i, {});
      frame.header.payload_bytes = static_cast<uint32_t>(payloads[i].size());
      const size_t half = payloads[i].size() / 2;  // a payload may lie in several places
      frame.payload = {ByteSpan(payloads[i]).first(half), ByteSpan(payloads[i]).subspan(half)};
      if (i % 3 == 0) link.send_free(std::move(frame));
      else link.send_chunk(std::move(frame));
    }
  }
  void expect_all_at(const Side& side) const {
    EXPECT_EQ(side.deliveries(), payloads.size()) << "every frame exactly once";
    for (size_t i = 0; i < payloads.size(); ++i) {
      const auto found = side.delivered().find(i);
      ASSERT_NE(found, side.delivered().end()) << "frame " << i << " never came";
      EXPECT_EQ(found->second.payload, payloads[i]) << "frame " << i;
    }
  }
};

Result<Placement> place_somewhere(const wire::FrameHeader& header) {
  const bool keep = header.element_offset % 2 == 0 && header.payload_bytes > 0;
  return Placement{keep ? Placement::Kind::kKeep : Placement::Kind::kScratch, {}};
}

TEST(Link, DeliversEverythingOnceOverConnectionsThatComeAndGo) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const size_t bytes_max = 1u << (4 + random() % 10);
    const Load up(random, 200, bytes_max);
    const Load down(random, 150, bytes_max);
    LinkPair pair;
    pair.here().place_by(place_somewhere);
    pair.there().place_by(place_somewhere);
    const size_t wanted = 1 + random() % 4;
    for (size_t i = 0; i < wanted; ++i) pair.add();
    up.send_all(pair.here().link());
    down.send_all(pair.there().link());
    for (Side* side : {&pair.here(), &pair.there()}) side->link().grant(up.attempt, UINT64_MAX);
    for (int step = 0; step < 3000; ++step) {
      if (pair.connections().empty() || (pair.connections().size() < wanted && random() % 8 == 0)) {
        pair.add();
      }
      auto chosen = pair.connections().begin();
      std::advance(chosen, static_cast<long>(random() % pair.connections().size()));
      const ConnectionKey key = *chosen;
      const int from = static_cast<int>(random() % 2);
      if (random() % 40 == 0) {
        pair.cut(key);
        continue;
      }
      pair.write(from, key, 1 + random() % (2 * kHeader + bytes_max));
      ASSERT_TRUE(pair.read(1 - from, key, random() % (2 * kHeader + bytes_max)))
          << pair.reason();
      if (random() % 20 == 0) pair.pass(std::chrono::milliseconds(10));
    }
    while (pair.connections().size() < wanted) pair.add();
    pair.settle();
    up.expect_all_at(pair.there());
    down.expect_all_at(pair.here());
    EXPECT_GT(pair.here().link().counters().frames_resent, 0u);
  }
}

TEST(Link, FedByteByByte) {
  std::mt19937_64 random(5);
  const Load load(random, 20, 100);
  LinkPair pair;
  const ConnectionKey key = pair.add();
  load.send_all(pair.here().link());
  while (pair.write(kHere, key, 1) > 0) ASSERT_TRUE(pair.read(kThere, key, 1));
  load.expect_all_at(pair.there());
}

// So that a slow connection is not the last to have some.
TEST(Link, LargeFramesAreTakenOneByOneAndSmallOnesTogether) {
  const ByteBuffer large(64u << 10);
  const ByteBuffer small(1u << 10);
  LinkPair pair;
  const ConnectionKey first = pair.add();
  const ConnectionKey second = pair.add();
  pair.here().link().grant(attempt_number(1), UINT64_MAX);
  for (uint32_t i = 0; i < 2; ++i) {
    pair.here().link().send_chunk(frame_of(attempt_number(1), i, large));
  }
  EXPECT_EQ(pair.write(kHere, first, 1u << 20), kHeader + large.size());
  EXPECT_EQ(pair.write(kHere, second, 1u << 20), kHeader + large.size());
  for (uint32_t i = 2; i < 5; ++i) {
    pair.here().link().send_chunk(frame_of(attempt_number(1), i, small));
  }
  EXPECT_EQ(pair.write(kHere, first, 1u << 20), 3 * (kHeader + small.size()));
}

// What a reader between two frames offers behind the place of the next header.
size_t offered_ahead(Side& side, ConnectionKey key) {
  std::array<MutableByteSpan, 4> spans;
  const size_t used = side.link().stream(key)->read_spans(spans);
  size_t bytes = 0;
  for (size_t i = 1; i < used; ++i) bytes += spans[i].size();
  return bytes;
}

TEST(Link, ReadsAheadWhatTheLastFrameWithoutAPlaceHad) {
  std::mt19937_64 random(8);
  const std::vector<ByteBuffer> payloads = {
      random_payload(random, 64u << 10), random_payload(random, limits::kReadAheadBytes),
      random_payload(random, 40'001), random_payload(random, limits::kReadAheadBytes + 1)};
  ByteBuffer place(40'001);
  LinkPair pair;
  pair.there().place_by([&place](const wire::FrameHeader& header) {
    if (header.payload_bytes != place.size()) return Placement{Placement::Kind::kScratch, {}};
    return Placement{Placement::Kind::kDirect, place};
  });
  const ConnectionKey key = pair.add();
  pair.here().link().grant(attempt_number(1), UINT64_MAX);
  const size_t at_first = offered_ahead(pair.there(), key);
  EXPECT_LT(at_first, payloads[0].size());
  const std::vector<bool> ahead_after = {true, true, false, false};
  for (uint32_t i = 0; i < payloads.size(); ++i) {
    pair.here().link().send_chunk(frame_of(attempt_number(1), i, payloads[i]));
    pair.settle();
    EXPECT_EQ(offered_ahead(pair.there(), key) > payloads[i].size(), ahead_after[i]) << i;
    EXPECT_EQ(pair.there().delivered().at(i).payload, payloads[i]) << i;
  }
  EXPECT_EQ(offered_ahead(pair.there(), key), at_first) << "too long, or with a place of its own";
}

TEST(Link, WhatCameByItselfMayBeKeptWithItsMemory) {
  std::mt19937_64 random(10);
  const ByteBuffer large = random_payload(random, 48u << 10);
  const ByteBuffer small = random_payload(random, 1u << 10);
  LinkPair pair;
  pair.add();
  pair.here().link().grant(attempt_number(1), UINT64_MAX);
  const auto send = [&](uint32_t number, const ByteBuffer& payload) {
    pair.here().link().send_chunk(frame_of(attempt_number(1), number, payload));
  };
  send(0, large);
  pair.settle();
  EXPECT_EQ(pair.there().delivered().at(0).holder, nullptr) << "it was not read ahead";
  for (const uint32_t number : {1, 2}) {
    send(number, large);
    pair.settle();
    const auto& delivered = pair.there().delivered().at(number);
    ASSERT_NE(delivered.holder, nullptr);
    ASSERT_GE(delivered.holder->size(), large.size());
    EXPECT_TRUE(std::equal(large.begin(), large.end(), delivered.holder->begin()));
  }
  EXPECT_NE(pair.there().delivered().at(1).holder, pair.there().delivered().at(2).holder);
  EXPECT_TRUE(std::equal(large.begin(), large.end(),
                         pair.there().delivered().at(1).holder->begin()))
      << "it is not written to any more";
  send(3, small);
  pair.settle();
  EXPECT_EQ(pair.there().delivered().at(3).holder, nullptr) << "that is not worth it";
}

// Several frames in one read, each beginning wherever the one before ends, and the last one cut.
TEST(Link, FramesThatCameAheadAreTakenApart) {
  std::mt19937_64 random(9);
  const std::vector<size_t> sizes = {48, 16, 33, 0, 7, 4096, 1, 512};
  LinkPair pair;
  const ConnectionKey key = pair.add();
  pair.here().link().grant(attempt_number(1), UINT64_MAX);
  std::vector<ByteBuffer> payloads;
  for (const size_t size : sizes) payloads.push_back(random_payload(random, size));
  for (uint32_t i = 0; i < payloads.size(); ++i) {
    pair.here().link().send_chunk(frame_of(attempt_number(1), i, payloads[i]));
  }
  size_t written = 0;
  while (const size_t moved = pair.write(kHere, key, 1u << 20)) written += moved;
  ASSERT_TRUE(pair.read(kThere, key, written - 100));
  EXPECT_EQ(pair.there().deliveries(), sizes.size() - 1);
  ASSERT_TRUE(pair.read(kThere, key, 100));
  ASSERT_EQ(pair.there().deliveries(), sizes.size());
  for (uint32_t i = 0; i < payloads.size(); ++i) {
    EXPECT_EQ(pair.there().delivered().at(i).payload, payloads[i]) << i;
  }
}

TEST(Link, AcknowledgesAfterAWhileAndThenForgets) {
  std::mt19937_64 random(6);
  const Load load(random, 10, 100);
  LinkPair pair;
  const ConnectionKey key = pair.add();
  load.send_all(pair.here().link());
  pair.settle();
  EXPECT_NE(pair.there().link().next_deadline(), kNever);
  EXPECT_EQ(pair.write(kThere, key, 1000), 0u) << "not at once: data may take it along";
  pair.pass(std::chrono::milliseconds(50));
  EXPECT_EQ(pair.there().link().next_deadline(), kNever);
  EXPECT_EQ(pair.write(kThere, key, 1000), kHeader);
  ASSERT_TRUE(pair.read(kHere, key, kHeader));
  // All was acknowledged: nothing goes again.
  pair.cut(key);
  pair.add();
  pair.settle();
  EXPECT_EQ(pair.here().link().counters().frames_resent, 0u);
  EXPECT_EQ(pair.there().deliveries(), 10u);
}

TEST(Link, AChangedByteBreaksTheConnectionAndTheFrameGoesAgain) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const ByteBuffer payload = random_payload(random, 500);
    LinkPair pair;
    const ConnectionKey key = pair.add();
    pair.here().link().send_chunk(frame_of(attempt_number(1), 3, payload));
    ASSERT_EQ(pair.write(kHere, key, 1u << 20), kHeader + payload.size());
    ByteBuffer& bytes = pair.on_the_way(kHere, key);
    const size_t at = random() % bytes.size();
    bytes[at] ^= static_cast<std::byte>(1 + random() % 255);
    EXPECT_FALSE(pair.read(kThere, key, SIZE_MAX)) << "byte " << at;
    EXPECT_FALSE(pair.reason().empty());
    EXPECT_EQ(pair.there().deliveries(), 0u);
    pair.cut(key);
    pair.add();
    pair.settle();
    ASSERT_EQ(pair.there().deliveries(), 1u);
    EXPECT_EQ(pair.there().delivered().at(3).payload, payload);
  }
}

// ---- revoking ----------------------------------------------------------------------------------

TEST(Link, AfterARevokeTheSendersMemoryIsNotRead) {
  std::mt19937_64 random(8);
  for (size_t written = 0; written <= 3 * (kHeader + 300); written += 37) {
    SCOPED_TRACE(testing::Message() << written << " bytes were written");
    LinkPair pair;
    const ConnectionKey key = pair.add();
    std::vector<ByteBuffer> memory;
    for (int i = 0; i < 3; ++i) memory.push_back(random_payload(random, 300));
    pair.here().link().send_chunk(frame_of(attempt_number(1), 0, memory[0]));
    pair.here().link().send_free(frame_of(attempt_number(1), 1, memory[1]));
    pair.here().link().send_chunk(frame_of(attempt_number(2), 2, memory[2]));
    pair.write(kHere, key, written);
    pair.here().link().revoke(attempt_number(1));
    const std::vector<ByteBuffer> before = memory;
    memory[0] = ByteBuffer();  // freed, for a sanitizer to see
    memory[1] = ByteBuffer();
    pair.settle();
    // What had begun to go is whole; the rest never comes.
    for (const auto& [number, frame] : pair.there().delivered()) {
      EXPECT_EQ(frame.payload, before[number]) << "frame " << number;
    }
    EXPECT_EQ(pair.there().delivered().count(2), 1u);
    pair.cut(key);
    pair.add();
    pair.settle();
  }
}

TEST(Link, ALostFrameOfARevokedAttemptLeavesNoHole) {
  std::mt19937_64 random(9);
  const ByteBuffer payload = random_payload(random, 300);
  LinkPair pair;
  const ConnectionKey key = pair.add();
  pair.here().link().send_chunk(frame_of(attempt_number(1), 0, payload));
  pair.here().link().send_chunk(frame_of(attempt_number(2), 1, payload));
  pair.write(kHere, key, 100);
  pair.here().link().revoke(attempt_number(1));
  pair.cut(key);
  const ConnectionKey next = pair.add();
  pair.settle();
  EXPECT_EQ(pair.there().deliveries(), 1u);
  pair.pass(std::chrono::milliseconds(50));
  pair.settle();
  pair.cut(next);
  pair.add();
  pair.settle();
  // The number of the first was acknowledged like any other: only the two of the first cut.
  EXPECT_EQ(pair.here().link().counters().frames_resent, 2u);
}

TEST(Link, AfterARevokeTheReceiversMemoryIsNotWritten) {
  std::mt19937_64 random(10);
  for (size_t arrived = 0; arrived < kHeader + 300; arrived += 23) {
    SCOPED_TRACE(testing::Message() << arrived << " bytes had arrived");
    const ByteBuffer payload = random_payload(random, 300);
    auto place = std::make_unique<ByteBuffer>(300, std::byte{0xEE});
    bool over = false;
    LinkPair pair;
    pair.there().place_by([&](const wire::FrameHeader&) -> Result<Placement> {
      if (over) return Placement{};
      return Placement{Placement::Kind::kDirect, *place};
    });
    const ConnectionKey key = pair.add();
    pair.here().link().send_chunk(frame_of(attempt_number(1), 0, payload));
    pair.write(kHere, key, 1u << 20);
    ASSERT_TRUE(pair.read(kThere, key, arrived));
    pair.there().link().revoke(attempt_number(1));
    over = true;
    for (size_t i = kHeader; i < arrived; ++i) {
      EXPECT_EQ((*place)[i - kHeader], payload[i - kHeader]);
    }
    place.reset();  // freed, for a sanitizer to see
    ASSERT_TRUE(pair.read(kThere, key, SIZE_MAX)) << pair.reason();
    EXPECT_EQ(pair.there().delivered().count(0), 0u) << "it is nobody's any more";
    // The connection is as good as before.
    over = false;
    place = std::make_unique<ByteBuffer>(300, std::byte{0xEE});
    pair.here().link().send_chunk(frame_of(attempt_number(2), 5, payload));
    pair.settle();
    EXPECT_EQ(pair.there().delivered().at(5).payload, payload);
    EXPECT_EQ(*place, payload);
  }
}

// Who sends on what it was sent has its checksum already.
TEST(Link, AChecksumThatIsGivenIsNotComputedAgain) {
  std::mt19937_64 random(12);
  const ByteBuffer payload = random_payload(random, 300);
  const ByteSpan parts[] = {payload};
  const uint64_t right = wire::payload_checksum_of(parts);
  for (const bool fits : {true, false}) {
    LinkPair pair;
    const ConnectionKey key = pair.add();
    OutFrame frame = frame_of(attempt_number(1), 0, payload);
    frame.header.payload_checksum = fits ? right : right ^ 1;
    pair.here().link().send_chunk(std::move(frame));
    pair.write(kHere, key, 1u << 20);
    EXPECT_EQ(pair.read(kThere, key, SIZE_MAX), fits);
    EXPECT_EQ(pair.there().deliveries(), fits ? 1u : 0u);
  }
}

// ---- copies ------------------------------------------------------------------------------------

TEST(Link, ACopyThatArrivesFirstStopsTheOneThatIsHalfWayIn) {
  std::mt19937_64 random(11);
  ByteBuffer payload = random_payload(random, 300);
  const ByteBuffer sent = payload;
  ByteBuffer place(300, std::byte{0xEE});
  LinkPair pair;
  pair.there().place_by([&](const wire::FrameHeader&) -> Result<Placement> {
    return Placement{Placement::Kind::kDirect, place};
  });
  const ConnectionKey slow = pair.add();
  pair.here().link().send_chunk(frame_of(attempt_number(1), 0, payload));
  pair.write(kHere, slow, 1u << 20);
  ASSERT_TRUE(pair.read(kThere, slow, kHeader + 120));
  // Only the sender has noticed that the connection is lost.
  pair.here().link().remove_connection(slow);
  const ConnectionKey fast = pair.add();
  pair.write(kHere, fast, 1u << 20);
  ASSERT_TRUE(pair.read(kThere, fast, SIZE_MAX));
  EXPECT_EQ(pair.there().deliveries(), 1u);
  EXPECT_EQ(pair.there().delivered().at(0).payload, sent);
  // The place may be used for something else now.
  std::fill(place.begin(), place.end(), std::byte{0x11});
  ASSERT_TRUE(pair.read(kThere, slow, SIZE_MAX)) << pair.reason();
  EXPECT_EQ(pair.there().deliveries(), 1u);
  EXPECT_EQ(place, ByteBuffer(300, std::byte{0x11}));
}

TEST(Link, ACopyThatComesLaterMayHaveChanged) {
  std::mt19937_64 random(12);
  ByteBuffer payload = random_payload(random, 300);
  const ByteBuffer sent = payload;
  LinkPair pair;
  const ConnectionKey first = pair.add();
  pair.here().link().send_chunk(frame_of(attempt_number(1), 0, payload));
  pair.write(kHere, first, 1u << 20);
  pair.here().link().remove_connection(first);
  const ConnectionKey second = pair.add();
  pair.write(kHere, second, kHeader + 100);  // the copy has begun
  ASSERT_TRUE(pair.read(kThere, first, SIZE_MAX));
  // The result depends on what was delivered, and overwrites it at its sender.
  std::fill(payload.begin(), payload.end(), std::byte{0x22});
  pair.write(kHere, second, 1u << 20);
  EXPECT_TRUE(pair.read(kThere, second, SIZE_MAX)) << pair.reason();
  EXPECT_EQ(pair.there().deliveries(), 1u);
  EXPECT_EQ(pair.there().delivered().at(0).payload, sent);
}

// ---- what no honest peer sends -----------------------------------------------------------------

TEST(Link, RefusesAcknowledgementsOfWhatWasNeverSent) {
  std::mt19937_64 random(13);
  const Load load(random, 3, 10);
  LinkPair honest;
  const ConnectionKey key = honest.add();
  load.send_all(honest.here().link());
  honest.settle();
  honest.pass(std::chrono::milliseconds(50));
  honest.write(kThere, key, 1000);
  const ByteBuffer acknowledgement = honest.on_the_way(kThere, key);
  ASSERT_EQ(acknowledgement.size(), kHeader);

  LinkPair other;
  const ConnectionKey other_key = other.add();
  other.on_the_way(kThere, other_key) = acknowledgement;
  EXPECT_FALSE(other.read(kHere, other_key, SIZE_MAX));
  EXPECT_NE(other.reason().find("there"), std::string::npos) << other.reason();
}

TEST(Link, AnOwnersRefusalBreaksTheConnection) {
  LinkPair pair;
  const ByteBuffer payload(10, std::byte{1});
  pair.there().place_by([](const wire::FrameHeader&) -> Result<Placement> {
    return fail(ErrorCode::kInternalError, "no room for it");
  });
  const ConnectionKey key = pair.add();
  pair.here().link().send_chunk(frame_of(attempt_number(1), 0, payload));
  pair.write(kHere, key, 1000);
  EXPECT_FALSE(pair.read(kThere, key, SIZE_MAX));
  EXPECT_EQ(pair.reason(), "no room for it");
}

}  // namespace
}  // namespace atoll_core::link
