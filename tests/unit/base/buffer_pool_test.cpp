#include "base/buffer_pool.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core {
namespace {

constexpr size_t kLarge = 1u << 20;

TEST(BufferPool, GivesABufferThatNobodyRefersToAnyMoreAgain) {
  BufferPool pool;
  std::shared_ptr<ByteBuffer> first = pool.take(kLarge);
  const std::byte* const place = first->data();
  const std::shared_ptr<const ByteBuffer> in_a_frame = first;
  first.reset();
  EXPECT_NE(pool.take(kLarge)->data(), place);
  EXPECT_EQ(in_a_frame->data(), place);
}

TEST(BufferPool, KeepsWhatFitsTheNextCall) {
  BufferPool pool;
  const std::byte* const place = pool.take(kLarge)->data();
  EXPECT_EQ(pool.bytes_kept(), kLarge);
  const auto smaller = pool.take(kLarge - 100);
  EXPECT_EQ(smaller->data(), place);
  EXPECT_EQ(smaller->size(), kLarge - 100);
  EXPECT_EQ(pool.bytes_kept(), 0u);
}

TEST(BufferPool, WastesNoLargeBufferOnASmallCall) {
  BufferPool pool;
  pool.take(kLarge);
  EXPECT_LT(pool.take(kLarge / 4)->capacity(), kLarge);
  EXPECT_GE(pool.bytes_kept(), kLarge);
}

TEST(BufferPool, KeepsABoundedAmount) {
  BufferPool pool;
  std::vector<std::shared_ptr<ByteBuffer>> in_use;
  for (size_t bytes = 0; bytes <= 2 * BufferPool::kBytesKeptMax; bytes += kLarge) {
    in_use.push_back(pool.take(kLarge));
  }
  in_use.clear();
  EXPECT_LE(pool.bytes_kept(), BufferPool::kBytesKeptMax);
  EXPECT_GT(pool.bytes_kept(), BufferPool::kBytesKeptMax / 2);
  pool.take(BufferPool::kLeastBytes - 1);  // from the heap
  EXPECT_LE(pool.bytes_kept(), BufferPool::kBytesKeptMax);
}

TEST(BufferPool, MayGoBeforeWhatItGave) {
  auto pool = std::make_unique<BufferPool>();
  const std::shared_ptr<ByteBuffer> buffer = pool->take(kLarge);
  pool.reset();
  std::fill(buffer->begin(), buffer->end(), std::byte{1});
}

// What a call does not bring counts as nothing, whatever the last one has left there.

}  // namespace
}  // namespace atoll_core
