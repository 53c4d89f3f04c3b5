#include "base/element.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace atoll_core {
namespace {

TEST(Element, SizesFollowTheNames) {
  for (int i = 0; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    const std::string name(to_string(type));
    const size_t bits = std::stoul(name.substr(name.find_first_of("0123456789")));
    EXPECT_EQ(size_of(type) * 8, bits) << name;
  }
}

TEST(Element, NamesDiffer) {
  std::set<std::string_view> names;
  for (int i = 0; i < kDataTypeCount; ++i) names.insert(to_string(static_cast<DataType>(i)));
  for (int i = 0; i < kReduceOpCount; ++i) names.insert(to_string(static_cast<ReduceOp>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kDataTypeCount + kReduceOpCount));
}

TEST(Element, ValuesOutOfRangeAreNamedSoAndHaveNoSize) {
  const auto type = static_cast<DataType>(kDataTypeCount);
  EXPECT_EQ(to_string(type), "unknown data type");
  EXPECT_EQ(size_of(type), 0u);
  EXPECT_EQ(to_string(static_cast<ReduceOp>(kReduceOpCount)), "unknown reduction");
}

TEST(Element, ARangeCountsFromBeginToEnd) {
  EXPECT_EQ((ElementRange{256, 1000}).count(), 744u);
  EXPECT_FALSE((ElementRange{256, 1000}).empty());
  EXPECT_TRUE((ElementRange{256, 256}).empty());
}

TEST(Bytes, TextAndBytesShareTheirMemory) {
  const std::string text("island\0three", 12);
  const ByteSpan bytes = as_bytes(text);
  EXPECT_EQ(bytes.size(), text.size());
  EXPECT_EQ(static_cast<const void*>(bytes.data()), text.data());
  EXPECT_EQ(as_text(bytes), text);
}

}  // namespace
}  // namespace atoll_core
