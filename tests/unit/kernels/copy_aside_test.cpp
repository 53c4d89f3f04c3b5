#include "kernels/copy_aside.h"

#include <cstdint>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "kernels/target.h"

namespace atoll_core::kernels {
namespace {

class CopyAside : public ::testing::Test {
 protected:
  void TearDown() override { force_simd_target(""); }
};

// The bytes arrive, wherever they lie and however many they are, and no others change.
TEST_F(CopyAside, CopiesJustThatOnEveryTarget) {
  constexpr size_t kAround = 64;
  std::mt19937_64 random(1);
  for (const std::string& target : supported_simd_targets()) {
    SCOPED_TRACE(target);
    ASSERT_TRUE(force_simd_target(target));
    for (const size_t bytes : {0, 1, 4095, 4096, 4097, 4160, 65535, 65536, 65537, 262144}) {
      for (int round = 0; round < 8; ++round) {
        ByteBuffer source(bytes + 2 * kAround);
        ByteBuffer copy(bytes + 2 * kAround);
        for (std::byte& byte : source) byte = static_cast<std::byte>(random());
        for (std::byte& byte : copy) byte = static_cast<std::byte>(random());
        const size_t from = random() % kAround;
        const size_t to = random() % kAround;
        ByteBuffer expected = copy;
        for (size_t i = 0; i < bytes; ++i) expected[to + i] = source[from + i];
        copy_aside(copy.data() + to, source.data() + from, bytes);
        ASSERT_TRUE(copy == expected) << bytes << " bytes from " << from << " to " << to;
      }
    }
  }
}

}  // namespace
}  // namespace atoll_core::kernels
