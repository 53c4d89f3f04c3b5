#include "membership/common/control_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "membership/common/view_delta.h"
#include "unit/membership/test_peers.h"

namespace atoll_core::membership {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Session = ControlSession<wire::ToCoordinator>;

wire::ToCoordinator done(uint64_t tag) {
  wire::OpDone message;
  message.op.tag = tag;
  return message;
}

std::vector<uint64_t> repeated(Session& session, uint64_t after) {
  std::vector<uint64_t> tags;
  session.repeat_after(after, [&](const wire::ToCoordinator& message) {
    tags.push_back(std::get<wire::OpDone>(message).op.tag);
  });
  return tags;
}

TEST(ControlSession, RepeatsWhatHasNotCome) {
  Session session;
  for (uint64_t tag = 1; tag <= 5; ++tag) session.note_sent(done(tag));
  EXPECT_TRUE(session.can_repeat_after(0));
  EXPECT_TRUE(session.can_repeat_after(5));
  EXPECT_FALSE(session.can_repeat_after(6)) << "nobody has sent it";
  EXPECT_THAT(repeated(session, 3), ElementsAre(4, 5));
  EXPECT_THAT(repeated(session, 3), ElementsAre(4, 5)) << "this connection may break, too";
  EXPECT_FALSE(session.can_repeat_after(2)) << "it was known to have come";
  EXPECT_THAT(repeated(session, 5), IsEmpty());
}

TEST(ControlSession, ForgetsWhatIsAcknowledged) {
  Session session;
  for (uint64_t tag = 1; tag <= 5; ++tag) session.note_sent(done(tag));
  session.acknowledge(4);
  session.acknowledge(2);
  session.acknowledge(99);
  EXPECT_EQ(session.kept(), 1u);
  EXPECT_EQ(session.first_kept(), 5u);
  EXPECT_THAT(repeated(session, 4), ElementsAre(5));
}

TEST(ControlSession, IsBoundedByCountAndBytes) {
  Session few({3, 1u << 20});
  for (uint64_t tag = 1; tag <= 3; ++tag) few.note_sent(done(tag));
  EXPECT_TRUE(few.can_repeat_after(0));
  few.note_sent(done(4));
  EXPECT_EQ(few.kept(), 0u);
  EXPECT_FALSE(few.can_repeat_after(3)) << "number 4 is gone";
  EXPECT_TRUE(few.can_repeat_after(4));
  few.note_sent(done(5));
  EXPECT_THAT(repeated(few, 4), ElementsAre(5));

  wire::SettleReport large;
  large.ops.resize(1000);
  Session small({1000, 2 * kept_bytes(wire::ToCoordinator(large))});
  for (int i = 0; i < 2; ++i) small.note_sent(large);
  EXPECT_EQ(small.kept(), 2u);
  small.note_sent(large);
  EXPECT_EQ(small.kept(), 0u);
}

TEST(ControlSession, BeginsAnew) {
  Session session({3, 1u << 20});
  session.note_sent(done(1));
  session.note_sent_for_good();
  session.note_received();
  EXPECT_FALSE(session.can_repeat_after(1));
  session.begin();
  EXPECT_EQ(session.sent() + session.received(), 0u);
  for (uint64_t tag = 1; tag <= 4; ++tag) session.note_sent(done(tag));
  EXPECT_FALSE(session.can_repeat_after(0)) << "its limits are as before";
}

TEST(ControlSession, WhatBelongsToAConnectionHasNoNumber) {
  for (const wire::ToPeer& message :
       {wire::ToPeer(wire::Registered{}), wire::ToPeer(wire::Resumed{}),
        wire::ToPeer(wire::Refused{}), wire::ToPeer(wire::CoordinatorHeartbeat{}),
        wire::ToPeer(wire::Roster{}), wire::ToPeer(wire::Evicted{}),
        wire::ToPeer(wire::Status{})}) {
    EXPECT_FALSE(is_numbered(message)) << wire::name_of(message);
  }
  for (const wire::ToCoordinator& message :
       {wire::ToCoordinator(wire::Register{}), wire::ToCoordinator(wire::Resume{}),
        wire::ToCoordinator(wire::PeerHeartbeat{}), wire::ToCoordinator(wire::StatusRequest{})}) {
    EXPECT_FALSE(is_numbered(message)) << wire::name_of(message);
  }
  EXPECT_TRUE(is_numbered(wire::ToPeer(wire::Stable{})));
  EXPECT_TRUE(is_numbered(wire::ToPeer(wire::UpdateFailed{})));
  EXPECT_TRUE(is_numbered(wire::ToCoordinator(wire::OpDone{})));
}

}  // namespace
}  // namespace atoll_core::membership
