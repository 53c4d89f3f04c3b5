#include "state/state_table.h"

#include <array>

#include <gtest/gtest.h>

#include "base/assert.h"

namespace atoll_core::state {
namespace {

TEST(StateTable, KeepsTensorsInOrderWithTheirBytes) {
  std::array<float, 10> weights{};
  std::array<uint8_t, 3> flags{};
  StateTable table;
  ASSERT_TRUE(table.add_tensor("weights", weights.data(), DataType::kFloat32, 10).has_value());
  ASSERT_TRUE(table.add_tensor("flags", flags.data(), DataType::kUint8, 3).has_value());
  ASSERT_TRUE(table.add_tensor("nothing", nullptr, DataType::kInt64, 0).has_value());
  ASSERT_EQ(table.tensors().size(), 3u);
  EXPECT_EQ(table.tensors()[0].bytes.size(), 40u);
  EXPECT_EQ(table.tensors()[0].bytes.data(), reinterpret_cast<std::byte*>(weights.data()));
  EXPECT_EQ(table.tensors()[1].chunk_count(), 1u);
  EXPECT_EQ(table.tensors()[2].chunk_count(), 0u);
}

TEST(StateTable, CutsBytesIntoChunks) {
  for (const uint64_t size : {kStateChunkBytes - 1, kStateChunkBytes, kStateChunkBytes + 1}) {
    std::vector<std::byte> memory(size);
    StateTable table;
    ASSERT_TRUE(table.add_tensor("t", memory.data(), DataType::kInt8, size).has_value());
    const StateTensor& tensor = table.tensors()[0];
    ASSERT_EQ(tensor.chunk_count(), size > kStateChunkBytes ? 2u : 1u);
    EXPECT_EQ(tensor.chunk(0).size(), std::min(size, kStateChunkBytes));
    if (size > kStateChunkBytes) {
      EXPECT_EQ(tensor.chunk(1).size(), 1u);
      EXPECT_EQ(tensor.chunk(1).data(), memory.data() + kStateChunkBytes);
    }
    EXPECT_THROW(tensor.chunk(tensor.chunk_count()), BrokenInvariant);
  }
}

TEST(StateTable, RefusesTensorsThatCannotBe) {
  StateTable table;
  uint64_t value = 1;
  const auto refused = [&](std::string_view name, void* data, DataType type, uint64_t count) {
    const Result<void> added = table.add_tensor(name, data, type, count);
    return added ? ErrorCode::kSuccess : added.error().code;
  };
  EXPECT_EQ(refused("", &value, DataType::kInt64, 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused(std::string(limits::kNameBytes + 1, 'x'), &value, DataType::kInt64, 1),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused("a", nullptr, DataType::kInt64, 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused("a", &value, static_cast<DataType>(99), 1), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused("a", &value, DataType::kInt64, uint64_t{1} << 62),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(table.tensors().empty());
  EXPECT_EQ(refused("a", &value, DataType::kInt64, 1), ErrorCode::kSuccess);
  EXPECT_EQ(refused("a", &value, DataType::kInt64, 1), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(table.publish(1).has_value());
  EXPECT_EQ(refused("b", &value, DataType::kInt64, 1), ErrorCode::kInvalidUsage);
  EXPECT_EQ(table.tensors().size(), 1u);
}

TEST(StateTable, RefusesOneTensorTooMany) {
  StateTable table;
  for (size_t i = 0; i < limits::kTensorsPerState; ++i) {
    ASSERT_TRUE(table.add_tensor(std::to_string(i), nullptr, DataType::kInt8, 0).has_value());
  }
  EXPECT_FALSE(table.add_tensor("last", nullptr, DataType::kInt8, 0).has_value());
}

TEST(StateTable, RevisionsCountUp) {
  StateTable table;
  EXPECT_EQ(table.revision(), 0u);
  EXPECT_FALSE(table.holds_content());
  EXPECT_FALSE(table.publish(0).has_value());
  ASSERT_TRUE(table.publish(5).has_value());
  EXPECT_TRUE(table.holds_content());
  ASSERT_TRUE(table.begin_write().has_value());
  EXPECT_TRUE(table.writing());
  EXPECT_EQ(table.begin_write().error().code, ErrorCode::kInvalidUsage);
  for (const uint64_t revision : {4u, 5u}) {
    EXPECT_EQ(table.publish(revision).error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(table.writing());
  }
  ASSERT_TRUE(table.publish(6).has_value());
  EXPECT_FALSE(table.writing());
  EXPECT_EQ(table.revision(), 6u);
}

TEST(StateTable, ASyncMayLowerTheRevisionAndEndsATear) {
  StateTable table;
  table.mark_torn();
  EXPECT_TRUE(table.torn());
  table.adopt(9);
  EXPECT_FALSE(table.torn());
  EXPECT_TRUE(table.holds_content());
  table.adopt(0);
  EXPECT_EQ(table.revision(), 0u);
  EXPECT_TRUE(table.holds_content());
}

}  // namespace
}  // namespace atoll_core::state
