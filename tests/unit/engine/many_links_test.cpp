// One peer with hundreds of links: what they may make it keep, and how much it serves.
#include <gtest/gtest.h>

#include "base/limits.h"
#include "engine/link_table.h"
#include "unit/engine/no_owner.h"

namespace atoll_core::engine {
namespace {

class ManyLinks : public ::testing::Test {
 protected:
  void SetUp() override { table_.set_identity(PeerId{1}, "run", std::chrono::seconds(5)); }

  // Each with one connection.
  void have_peers(uint64_t count) {
    wire::Roster roster;
    for (uint64_t id = 2; id < 2 + count; ++id) {
      wire::PeerInfo peer;
      peer.id = PeerId{id};
      peer.session = {9, id};
      peer.name = fmt::format("island-{}", id);
      roster.peers.push_back({peer, false});
    }
    table_.apply_roster(roster);
    for (const wire::Roster::Entry& listed : roster.peers) {
      if (!connected_.insert(listed.peer.id).second) continue;
      wire::Hello hello;
      hello.peer = listed.peer.id;
      hello.session = listed.peer.session;
      hello.target_session = SessionId{};
      hello.run = wire::hash_run_id("run");
      hello.life = 1;
      table_.on_accepted(listed.peer.id.value, hello, table_.on_hello(hello).hello);
      send_something_eager(listed.peer.id.value);
    }
  }
  // Before that a link has the least.
  void send_something_eager(uint64_t id) {
    wire::FrameHeader skip;
    skip.kind = wire::FrameKind::kSkip;
    skip.eager = true;
    skip.detail = limits::kEagerChunkCost;
    skip.link_sequence = 1;
    wire::FrameHeaderBytes bytes;
    wire::encode_frame_header(skip, bytes);
    link::FrameStream* stream = table_.stream(id);
    std::array<MutableByteSpan, 8> spans;
    ASSERT_GT(stream->read_spans(spans), 0u);
    ASSERT_GE(spans[0].size(), bytes.size());
    std::copy(bytes.begin(), bytes.end(), spans[0].begin());
    ASSERT_TRUE(stream->on_read(TimePoint{}, bytes.size())) << stream->broken_reason();
  }
  // Takes what a link has to say, and counts its grants of eager credit.
  uint64_t told_to(uint64_t id) {
    link::FrameStream* stream = table_.stream(id);
    uint64_t window = 0;
    std::array<ByteSpan, 8> spans;
    for (size_t used; (used = stream->write_spans(spans)) > 0;) {
      size_t bytes = 0;
      for (size_t i = 0; i < used; ++i) {
        wire::FrameHeaderBytes header;
        if (spans[i].size() == header.size()) {
          std::copy(spans[i].begin(), spans[i].end(), header.begin());
          const auto frame = wire::decode_frame_header(header);
          if (frame && frame->kind == wire::FrameKind::kCredit) window = frame->element_offset;
        }
        bytes += spans[i].size();
      }
      stream->on_written(bytes);
    }
    return window;
  }
  void say_all(uint64_t count) {
    for (uint64_t id = 2; id < 2 + count; ++id) windows_[id] = told_to(id);
  }

  Context context_{};
  NoOwner owner_;
  LinkTable table_{context_, owner_};
  std::set<PeerId> connected_;
  std::map<uint64_t, uint64_t> windows_;
};

TEST_F(ManyLinks, ShareTheEagerCreditOfOnePeer) {
  have_peers(300);
  say_all(300);
  EXPECT_LE(table_.eager_outstanding(),
            limits::kEagerBytesInAll + 300 * limits::kEagerBytesLeast);
  for (uint64_t id = 2; id < 302; ++id) {
    EXPECT_EQ(windows_[id], limits::kEagerBytesInAll / 5 * 4 / 300) << id;
  }
}

TEST_F(ManyLinks, AreNeverGrantedMoreThanThereIsHoweverTheyCome) {
  for (uint64_t count = 1; count <= 600; ++count) {
    have_peers(count);
    say_all(count);
    ASSERT_LE(table_.eager_outstanding(),
              limits::kEagerBytesInAll + count * limits::kEagerBytesLeast) << count;
  }
  have_peers(4);
  EXPECT_LE(table_.eager_outstanding(), limits::kEagerBytesInAll);
  have_peers(0);
  EXPECT_EQ(table_.eager_outstanding(), 0u);
}

TEST_F(ManyLinks, AnswersForOnePeerHaveABound) {
  have_peers(2);
  for (uint64_t i = 0; i < limits::kServedFrames; ++i) {
    EXPECT_TRUE(table_.may_serve(PeerId{2})) << i;
    table_.send_free(PeerId{2}, link::OutFrame{});
  }
  EXPECT_FALSE(table_.may_serve(PeerId{2}));
  EXPECT_TRUE(table_.may_serve(PeerId{3}));
  EXPECT_FALSE(table_.may_serve(PeerId{99})) << "nobody";
  (void)told_to(2);
  EXPECT_TRUE(table_.may_serve(PeerId{2})) << "they were sent";
}

TEST_F(ManyLinks, WhatAnswersForAllHoldHasABound) {
  constexpr size_t kEach = 1u << 20;
  have_peers(300);
  const auto memory = [] { return std::make_shared<const ByteBuffer>(size_t{kEach}); };
  uint64_t served = 0;
  for (uint64_t id = 2; id < 302 && table_.may_serve(PeerId{id}); ++id, ++served) {
    link::OutFrame frame;
    frame.owned = memory();
    frame.header.payload_bytes = kEach;
    frame.payload = {ByteSpan(*frame.owned)};
    table_.send_free(PeerId{id}, std::move(frame));
  }
  EXPECT_EQ(served, limits::kServedBytesInAll / kEach);
  (void)told_to(2);
  EXPECT_TRUE(table_.may_serve(PeerId{301})) << "one was sent";
  table_.revoke(AttemptId{});
  EXPECT_TRUE(table_.may_serve(PeerId{2}));
}

TEST_F(ManyLinks, ConnectionsOfPeersThatNobodyHasNamedHaveABound) {
  const auto hello_of = [](uint64_t id) {
    wire::Hello hello;
    hello.peer = PeerId{id};
    hello.session = {9, id};
    hello.target_session = SessionId{};
    hello.run = wire::hash_run_id("run");
    hello.life = 1;
    return hello;
  };
  for (uint64_t id = 2; id < 2 + limits::kOrphanConnections; ++id) {
    const LinkTable::Answer answer = table_.on_hello(hello_of(id));
    ASSERT_TRUE(answer.keep) << id;
    table_.on_accepted(id, hello_of(id), answer.hello);
  }
  EXPECT_FALSE(table_.on_hello(hello_of(9999)).keep);
}

}  // namespace
}  // namespace atoll_core::engine
