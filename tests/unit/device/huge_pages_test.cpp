#include "device/huge_pages.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::device {
namespace {

std::string content_of(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool kernel_has_them() {
  const std::string mode = content_of("/sys/kernel/mm/transparent_hugepage/enabled");
  return mode.find("[always]") != std::string::npos || mode.find("[madvise]") != std::string::npos;
}

// Whether the mapping around `address` was advised to take huge pages ("hg" in its flags).
bool is_advised(const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= wanted && wanted < end;
    } else if (inside && line.rfind("VmFlags:", 0) == 0) {
      return line.find(" hg") != std::string::npos;
    }
  }
  return false;
}

uint64_t pages_mapped() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages;
}

TEST(HugePages, BeginWhereOneBeginsAndAreZeros) {
  std::vector<std::shared_ptr<std::byte[]>> pieces;
  for (const size_t bytes : {size_t{1}, kHugePageBytes, kHugePageBytes + 1, 3 * kHugePageBytes}) {
    pieces.push_back(allocate_in_huge_pages(bytes));
    std::byte* piece = pieces.back().get();
    ASSERT_NE(piece, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % kHugePageBytes, 0u);
    for (size_t i = 0; i < bytes; i += 1000) ASSERT_EQ(piece[i], std::byte{0});
    std::memset(piece, 0x5A, bytes);
    if (kernel_has_them()) {
      EXPECT_TRUE(is_advised(piece));
    }
  }
  for (const auto& piece : pieces) EXPECT_EQ(piece[0], std::byte{0x5A});
}

TEST(HugePages, AreGivenBackWhole) {
  allocate_in_huge_pages(64 * kHugePageBytes).reset();  // whatever is allocated once
  const uint64_t before = pages_mapped();
  const uint64_t most = 4 * kHugePageBytes / static_cast<uint64_t>(::getpagesize());
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(allocate_in_huge_pages(64 * kHugePageBytes + 5), nullptr);
    ASSERT_LT(pages_mapped(), before + most) << i;
  }
}

TEST(HugePages, AreNoneWhereThereIsNoMemory) {
  EXPECT_EQ(allocate_in_huge_pages(0), nullptr);
  EXPECT_EQ(allocate_in_huge_pages(SIZE_MAX), nullptr);
  EXPECT_EQ(allocate_in_huge_pages(SIZE_MAX / 2), nullptr);
}

}  // namespace
}  // namespace atoll_core::device
