#include "engine/work_buffer.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/buffer_pool.h"
#include "codec/tensor_list.h"

namespace atoll_core::engine {
namespace {

TEST(WorkBuffer, HasZerosAroundTheInput) {
  BufferPool pool;
  ByteBuffer bytes(100'000, std::byte{0x55});
  const auto caller = codec::TensorList::create(DataType::kUint8, {{bytes.data(), bytes.data(),
                                                                    bytes.size()}});
  ASSERT_TRUE(caller);
  for (const ElementRange input : {caller->all(), ElementRange{100, 70'000}, ElementRange{0, 0}}) {
    WorkBuffer work(DataType::kUint8, 1, pool);
    work.open(*caller, input);
    ASSERT_EQ(work.bytes()->size(), bytes.size() + 1);
    for (uint64_t i = 0; i <= bytes.size(); ++i) {
      const bool inside = i >= input.begin && i < input.end;
      ASSERT_EQ((*work.bytes())[i], std::byte{inside ? uint8_t{0x55} : uint8_t{0}}) << i;
    }
    std::fill(work.bytes()->begin(), work.bytes()->end(), std::byte{0xEE});
  }
}

TEST(WorkBuffer, ReadsTheCallersUntilThereIsRoomForAResult) {
  BufferPool pool;
  const ByteBuffer given(40'000, std::byte{0x55});
  ByteBuffer gets(given.size());
  const auto caller =
      codec::TensorList::create(DataType::kUint8, {{given.data(), gets.data(), given.size()}});
  ASSERT_TRUE(caller);
  WorkBuffer work(DataType::kUint8, 0, pool);
  work.open_over(*caller);
  EXPECT_TRUE(work.reads_caller());
  EXPECT_EQ(work.bytes(), nullptr);
  EXPECT_EQ(work.tensors().tensors().front().source, given.data());
  work.make_room(*caller);
  EXPECT_TRUE(work.reads_caller());
  EXPECT_EQ(work.tensors().tensors().front().source, given.data());
  ASSERT_EQ(work.tensors().tensors().front().sink, work.bytes()->data());
  std::fill(work.bytes()->begin(), work.bytes()->end(), std::byte{0xEE});
  EXPECT_EQ(gets, ByteBuffer(gets.size())) << "nothing is the caller's before he is given it";
  work.copy_to(*caller, caller->all());
  EXPECT_EQ(gets, *work.bytes());
  work.open(*caller, caller->all());
  EXPECT_FALSE(work.reads_caller());
  EXPECT_EQ(*work.bytes(), given);
}

TEST(WorkBuffer, TakesAResultWithTheMemoryInWhichItCame) {
  BufferPool pool;
  ByteBuffer bytes(40'000, std::byte{0x55});
  const auto caller =
      codec::TensorList::create(DataType::kUint8, {{bytes.data(), bytes.data(), bytes.size()}});
  ASSERT_TRUE(caller);
  WorkBuffer work(DataType::kUint8, 0, pool);
  work.open_over(*caller);
  const auto came = pool.take(bytes.size() + 128);
  std::fill(came->begin(), came->end(), std::byte{0xEE});
  work.adopt(*caller, came);
  EXPECT_EQ(work.bytes(), came);
  EXPECT_EQ(came->size(), bytes.size()) << "what lies behind is not the result";
  work.copy_to(*caller, caller->all());
  EXPECT_EQ(bytes, *came);
}

}  // namespace
}  // namespace atoll_core::engine
