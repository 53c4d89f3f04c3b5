#include "device/memory.h"

#include <memory>

#include <gtest/gtest.h>

namespace atoll_core::device {
namespace {

TEST(MemoryTest, AllMemoryIsHostMemory) {
  const auto heap = std::make_unique<int>(7);
  const int stack = 7;
  EXPECT_EQ(memory_kind_of(heap.get()), MemoryKind::kHost);
  EXPECT_EQ(memory_kind_of(&stack), MemoryKind::kHost);
  EXPECT_EQ(memory_kind_of(nullptr), MemoryKind::kHost);
}

TEST(MemoryTest, KindsHaveNames) {
  EXPECT_EQ(to_string(MemoryKind::kHost), "host");
  EXPECT_EQ(to_string(MemoryKind::kCuda), "cuda");
}

}  // namespace
}  // namespace atoll_core::device
