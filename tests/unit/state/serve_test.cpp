#include "state/serve.h"

#include "base/limits.h"
#include "unit/state/state_fixture.h"

namespace atoll_core::state {
namespace {

class ServeTest : public testing::Test {
 protected:
  Result<std::vector<StateResponse>> ask(const StateRequest& request) const {
    return serve(state_->table, state_->digests, request);
  }
  std::unique_ptr<State> state_ = make_state({0, 70 * kMiB, 100}, 1, 7);
};

TEST_F(ServeTest, GivesDigestsOfChunks) {
  const auto answer = ask({1, StateItem::kDigests, 2, 5, 7});
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->size(), 1u);
  EXPECT_EQ(answer->front().name, (ResponseName{1, StateItem::kDigests, 2, 5, 7}));
  const auto digests = decode_digests(answer->front().payload());
  ASSERT_EQ(digests.size(), 5u);
  EXPECT_EQ(digests[4], state_->digests.tensors[1].chunks[6]);
}

TEST_F(ServeTest, GivesEachChunkInAResponseOfItsOwnWithoutACopy) {
  const auto answer = ask({1, StateItem::kChunks, 67, 3, 7});
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->size(), 3u);
  EXPECT_EQ((*answer)[2].name, (ResponseName{1, StateItem::kChunks, 69, 1, 7}));
  EXPECT_EQ((*answer)[2].payload().data(), state_->memory[1]->data() + 69 * kMiB);
  EXPECT_EQ((*answer)[2].payload().size(), kMiB);
  const auto small = ask({2, StateItem::kChunks, 0, 1, 7});
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(small->front().payload().size(), 100u);
}

TEST_F(ServeTest, RefusesWhatThereIsNot) {
  const std::vector<StateRequest> impossible{
      {3, StateItem::kDigests, 0, 1, 7},          {1, StateItem::kDigests, 0, 0, 7},
      {1, StateItem::kDigests, 70, 1, 7},         {1, StateItem::kDigests, 0, 71, 7},
      {1, StateItem::kChunks, 69, 2, 7},
      {1, StateItem::kChunks, 0, limits::kChunksPerRequest + 1, 7},
      {0, StateItem::kChunks, 0, 1, 7},           {1, StateItem::kChunks, ~uint64_t{0}, 2, 7},
      {1, StateItem::kDigests, 1, 0xFFFFFFFF, 7}, {0xFFFFFFFF, StateItem::kDigests, 0, 1, 7}};
  for (const StateRequest& request : impossible) {
    const auto answer = ask(request);
    ASSERT_FALSE(answer.has_value()) << to_string(request);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(ServeTest, RefusesAnotherRevisionAndBytesThatChange) {
  const StateRequest request{1, StateItem::kChunks, 0, 1, 7};
  StateRequest older = request;
  older.revision = 6;
  EXPECT_EQ(ask(older).error().code, ErrorCode::kStateConflict);
  ASSERT_TRUE(state_->table.begin_write().has_value());
  EXPECT_EQ(ask(request).error().code, ErrorCode::kStateConflict);
  ASSERT_TRUE(state_->table.publish(8).has_value());
  EXPECT_EQ(ask(request).error().code, ErrorCode::kStateConflict);
  state_->table.adopt(7);
  EXPECT_TRUE(ask(request).has_value());
  state_->table.mark_torn();
  EXPECT_EQ(ask(request).error().code, ErrorCode::kStateConflict);
}

TEST(StateRequest, TravelsInTheFrameHeader) {
  const StateRequest request{3, StateItem::kChunks, 1ull << 40, 7, 99};
  wire::FrameHeader header;
  put_request(request, header);
  EXPECT_EQ(request_of(header).value(), request);
  header.step = 2;
  EXPECT_FALSE(request_of(header).has_value());
}

}  // namespace
}  // namespace atoll_core::state
