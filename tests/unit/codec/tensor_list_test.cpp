#include "codec/tensor_list.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/codec/random_tensors.h"

namespace atoll_core::codec {
namespace {

using testing::RandomTensors;

TEST(TensorList, PiecesOfAnyRangeEqualTheFlatBytes) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    RandomTensors tensors(static_cast<DataType>(seed % kDataTypeCount), seed);
    for (int round = 0; round < 20; ++round) {
      const ElementRange range = tensors.random_range();
      ByteBuffer source;
      size_t pieces = 0;
      tensors.list().for_each_source_span(range, [&](ByteSpan piece) {
        ASSERT_FALSE(piece.empty());
        source.insert(source.end(), piece.begin(), piece.end());
        ++pieces;
      });
      ByteBuffer sink;
      tensors.list().for_each_sink_span(range, [&](MutableByteSpan piece) {
        ASSERT_FALSE(piece.empty());
        sink.insert(sink.end(), piece.begin(), piece.end());
      });
      const ByteSpan expected_source = tensors.slice(tensors.source(), range);
      const ByteSpan expected_sink = tensors.slice(tensors.sink(), range);
      ASSERT_TRUE(std::ranges::equal(source, expected_source)) << seed;
      ASSERT_TRUE(std::ranges::equal(sink, expected_sink)) << seed;
      ASSERT_EQ(tensors.list().contiguous(range), pieces <= 1) << seed;
    }
  }
}

TEST(TensorList, CountsElementsAndBytes) {
  std::vector<std::byte> memory(100);
  std::byte* base = memory.data();
  const TensorList list =
      TensorList::create(DataType::kInt16,
                         {{base, base, 5}, {nullptr, nullptr, 0}, {base + 20, base + 40, 7}})
          .value();
  EXPECT_EQ(list.type(), DataType::kInt16);
  EXPECT_EQ(list.total_count(), 12u);
  EXPECT_EQ(list.total_bytes(), 24u);
  EXPECT_EQ(list.bytes_of({3, 8}), 10u);
  EXPECT_EQ(list.all(), (ElementRange{0, 12}));
  EXPECT_FALSE(list.in_place());
  EXPECT_TRUE(list.contiguous({0, 5}));
  EXPECT_TRUE(list.contiguous({5, 12}));
  EXPECT_FALSE(list.contiguous({4, 6}));
  EXPECT_TRUE(list.contiguous({12, 12}));
}

TEST(TensorList, InPlaceLooksOnlyAtTensorsWithElements) {
  std::vector<std::byte> memory(100);
  std::byte* base = memory.data();
  const auto list = TensorList::create(DataType::kInt8, {{base, base, 5}, {base, base + 50, 0}});
  EXPECT_TRUE(list.value().in_place());
}

TEST(TensorList, MayBeEmpty) {
  const TensorList list = TensorList::create(DataType::kFloat32, {}).value();
  EXPECT_EQ(list.total_count(), 0u);
  EXPECT_TRUE(list.contiguous({0, 0}));
  list.for_each_source_span({0, 0}, [](ByteSpan) { FAIL(); });
}

TEST(TensorList, RefusesWhatCannotBeMemory) {
  constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
  for (const std::vector<TensorView>& views :
       {std::vector<TensorView>{{nullptr, nullptr, kHuge}},
        std::vector<TensorView>{{nullptr, nullptr, kHuge / 16}, {nullptr, nullptr, kHuge / 16}},
        std::vector<TensorView>{{nullptr, nullptr, 1}, {nullptr, nullptr, kHuge}}}) {
    const Result<TensorList> list = TensorList::create(DataType::kFloat64, views);
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, ErrorCode::kInvalidArgument);
  }
  const Result<TensorList> many =
      TensorList::create(DataType::kInt8, std::vector<TensorView>(limits::kTensorsPerBatch + 1));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(
      TensorList::create(DataType::kInt8, std::vector<TensorView>(limits::kTensorsPerBatch)));
}

TEST(TensorList, AssertsRangesAndMissingMemory) {
  std::vector<std::byte> memory(10);
  const TensorList list =
      TensorList::create(DataType::kInt8, {{nullptr, memory.data(), 10}}).value();
  const auto nothing = [](auto) {};
  EXPECT_THROW(list.for_each_sink_span({0, 11}, nothing), BrokenInvariant);
  EXPECT_THROW(list.for_each_sink_span({5, 4}, nothing), BrokenInvariant);
  EXPECT_THROW((void)list.contiguous({11, 11}), BrokenInvariant);
  EXPECT_THROW(list.for_each_source_span({0, 1}, nothing), BrokenInvariant);
  EXPECT_NO_THROW(list.for_each_sink_span({0, 10}, nothing));
}

}  // namespace
}  // namespace atoll_core::codec
