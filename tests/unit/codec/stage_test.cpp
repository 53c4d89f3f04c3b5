#include "codec/stage.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/convert.h"
#include "kernels/float_environment.h"
#include "kernels/reduce_scalar.h"
#include "unit/codec/random_tensors.h"

namespace atoll_core::codec {
namespace {

using testing::RandomTensors;

constexpr uint64_t kSeeds = 240;
constexpr ReduceOp kOps[] = {ReduceOp::kSum,    ReduceOp::kAvg,   ReduceOp::kProd,
                             ReduceOp::kMin,    ReduceOp::kMax,   ReduceOp::kBitAnd,
                             ReduceOp::kBitOr,  ReduceOp::kBitXor};

DataType type_of(uint64_t seed) { return static_cast<DataType>(seed % kDataTypeCount); }

ByteBuffer copy_of(ByteSpan bytes) { return {bytes.begin(), bytes.end()}; }

// `flat` with `bytes` in place of a range.
ByteBuffer with(const RandomTensors& tensors, ByteBuffer flat, ElementRange range, ByteSpan bytes) {
  std::copy(bytes.begin(), bytes.end(),
            flat.begin() + static_cast<ptrdiff_t>(range.begin * tensors.list().element_bytes()));
  return flat;
}

const ByteBuffer& before(const RandomTensors& tensors, Side side) {
  return side == Side::kSource ? tensors.source() : tensors.sink();
}

// A lossy format that is not the size of its elements: a magic byte and a bfloat16 for each
// float32.
class BrainCodec final : public Codec {
 public:
  std::string_view name() const override { return "brain"; }
  uint32_t id() const override { return 77; }
  uint64_t encoded_bytes(DataType, uint64_t count) const override { return 1 + 2 * count; }

  Result<void> encode(DataType, ByteSpan elements, MutableByteSpan encoded) const override {
    encoded[0] = kMagic;
    for (size_t i = 0; i < elements.size() / 4; ++i) {
      float value;
      std::memcpy(&value, &elements[4 * i], 4);
      const uint16_t brain = kernels::float_to_bfloat16(value);
      std::memcpy(&encoded[1 + 2 * i], &brain, 2);
    }
    return {};
  }

  Result<void> decode(DataType, ByteSpan encoded, MutableByteSpan elements) const override {
    if (encoded[0] != kMagic) return fail(ErrorCode::kInvalidArgument, "not a brain");
    for (size_t i = 0; i < elements.size() / 4; ++i) {
      uint16_t brain;
      std::memcpy(&brain, &encoded[1 + 2 * i], 2);
      const float value = kernels::bfloat16_to_float(brain);
      std::memcpy(&elements[4 * i], &value, 4);
    }
    return {};
  }

  static constexpr std::byte kMagic{0xB5};
};

TEST(Stage, SpansAndCopiesOutEqualTheFlatBytes) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomTensors tensors(type_of(seed), seed);
    const ElementRange range = tensors.random_range();
    for (const Side side : {Side::kSource, Side::kSink}) {
      const ByteBuffer expected = copy_of(tensors.slice(before(tensors, side), range));
      std::vector<ByteSpan> spans(1);  // what is there already stays
      append_spans(tensors.list(), side, range, spans);
      ByteBuffer joined;
      for (const ByteSpan span : spans) joined.insert(joined.end(), span.begin(), span.end());
      EXPECT_EQ(joined, expected);
      EXPECT_TRUE(spans.front().empty());
      ByteBuffer flat(expected.size());
      copy_out(tensors.list(), side, range, flat);
      EXPECT_EQ(flat, expected);
      ByteBuffer kept(expected.size());
      copy_aside(tensors.list(), side, range, kept);
      EXPECT_EQ(kept, expected);
    }
    EXPECT_EQ(tensors.sinks_now(), tensors.sink());
  }
}

TEST(Stage, CopiesInAndAcross) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomTensors tensors(type_of(seed), seed);
    const ElementRange range = tensors.random_range();
    copy_across(tensors.list(), range);
    const ByteBuffer across =
        with(tensors, tensors.sink(), range, tensors.slice(tensors.source(), range));
    EXPECT_EQ(tensors.sinks_now(), across);

    const ElementRange other = tensors.random_range();
    const ByteBuffer flat = testing::random_bytes(tensors.random(), tensors.list().bytes_of(other));
    copy_in(tensors.list(), other, flat);
    EXPECT_EQ(tensors.sinks_now(), with(tensors, across, other, flat));
  }
}

TEST(Stage, ReducesFromEitherSide) {
  const kernels::FloatEnvironment environment;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    for (const ReduceOp op : kOps) {
      if (!takes(op, type_of(seed))) continue;
      for (const Side operand : {Side::kSource, Side::kSink}) {
        RandomTensors tensors(type_of(seed), seed);
        const ElementRange range = tensors.random_range();
        const ByteBuffer flat =
            testing::random_bytes(tensors.random(), tensors.list().bytes_of(range));
        ByteBuffer expected(flat.size());
        kernels::scalar::reduce(tensors.list().type(), op,
                                tensors.slice(before(tensors, operand), range).data(), flat.data(),
                                expected.data(), range.count());
        reduce_in(tensors.list(), range, op, operand, flat);
        ASSERT_EQ(tensors.sinks_now(), with(tensors, tensors.sink(), range, expected)) << seed;
      }
    }
  }
}

TEST(Stage, DividesSinks) {
  const kernels::FloatEnvironment environment;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomTensors tensors(type_of(seed), seed);
    const ElementRange range = tensors.random_range();
    ByteBuffer expected = copy_of(tensors.slice(tensors.sink(), range));
    kernels::scalar::divide(tensors.list().type(), expected.data(), range.count(), 3.0);
    divide_sink(tensors.list(), range, 3.0);
    ASSERT_EQ(tensors.sinks_now(), with(tensors, tensors.sink(), range, expected)) << seed;
  }
}

TEST(Stage, ScalesWhatItReducesSendsOrHolds) {
  const kernels::FloatEnvironment environment;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    if (type_of(seed) < DataType::kFloat16) continue;
    const auto scaled = [&](ByteBuffer elements, double factor) {
      kernels::scalar::scale(type_of(seed), elements.data(), elements.data(),
                             elements.size() / size_of(type_of(seed)), factor);
      return elements;
    };
    RandomTensors tensors(type_of(seed), seed);
    const ElementRange range = tensors.random_range();
    const ByteBuffer source = copy_of(tensors.slice(before(tensors, Side::kSource), range));
    const ByteBuffer flat =
        testing::random_bytes(tensors.random(), tensors.list().bytes_of(range));

    ByteBuffer out(flat.size());
    scale_out(tensors.list(), range, 0.75, out);
    ASSERT_EQ(out, scaled(source, 0.75)) << seed;
    ASSERT_EQ(tensors.sinks_now(), tensors.sink()) << seed;

    ByteBuffer expected = scaled(source, 2.5);
    kernels::scalar::reduce(type_of(seed), ReduceOp::kSum, expected.data(), flat.data(),
                            expected.data(), range.count());
    reduce_scaled_in(tensors.list(), range, ReduceOp::kSum, 2.5, flat);
    ASSERT_EQ(tensors.sinks_now(), with(tensors, tensors.sink(), range, expected)) << seed;

    scale_sink(tensors.list(), range, 3.0);
    ASSERT_EQ(tensors.sinks_now(), with(tensors, tensors.sink(), range, scaled(expected, 3.0)));

    clear_sink(tensors.list(), range);
    ASSERT_EQ(tensors.sinks_now(),
              with(tensors, tensors.sink(), range, ByteBuffer(expected.size())));
  }
}

TEST(Stage, ScalesLongTensorsPieceByPiece) {
  const kernels::FloatEnvironment environment;
  constexpr uint64_t kCount = 3001;
  std::mt19937_64 random(7);
  std::vector<double> source(kCount);
  std::vector<double> flat(kCount);
  for (double& value : source) value = static_cast<double>(random() % 1000);
  for (double& value : flat) value = static_cast<double>(random() % 1000);
  std::vector<double> sink(kCount);
  const auto list = TensorList::create(
      DataType::kFloat64, {{std::as_bytes(std::span(source)).data(),
                            std::as_writable_bytes(std::span(sink)).data(), kCount}});
  reduce_scaled_in(*list, list->all(), ReduceOp::kAvg, 0.5, std::as_bytes(std::span(flat)));
  for (uint64_t i = 0; i < kCount; ++i) ASSERT_EQ(sink[i], source[i] * 0.5 + flat[i]) << i;
}

TEST(Stage, IdentityIsSentFromWhereItIs) {
  const kernels::FloatEnvironment environment;
  RandomTensors tensors(DataType::kFloat32, 5);
  std::vector<ByteSpan> direct;
  append_spans(tensors.list(), Side::kSource, tensors.list().all(), direct);
  ASSERT_GT(direct.size(), 1u);
  std::vector<ByteSpan> spans;
  ByteBuffer scratch;
  ASSERT_TRUE(encode_out(tensors.list(), Side::kSource, tensors.list().all(), identity_codec(),
                         scratch, spans));
  ASSERT_EQ(spans.size(), direct.size());
  for (size_t i = 0; i < spans.size(); ++i) EXPECT_EQ(spans[i].data(), direct[i].data());
  EXPECT_TRUE(scratch.empty());
}

TEST(Stage, IdentityDecodesAndReduces) {
  const kernels::FloatEnvironment environment;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomTensors tensors(type_of(seed), seed);
    RandomTensors twin(type_of(seed), seed);
    const ElementRange range = tensors.random_range();
    const ByteBuffer flat = testing::random_bytes(tensors.random(), tensors.list().bytes_of(range));
    ASSERT_TRUE(decode_and_reduce_in(tensors.list(), range, ReduceOp::kSum, Side::kSource,
                                     identity_codec(), flat));
    reduce_in(twin.list(), range, ReduceOp::kSum, Side::kSource, flat);
    EXPECT_EQ(tensors.sinks_now(), twin.sinks_now());
    ASSERT_TRUE(decode_in(tensors.list(), range, identity_codec(), flat));
    copy_in(twin.list(), range, flat);
    EXPECT_EQ(tensors.sinks_now(), twin.sinks_now());
  }
}

TEST(Stage, OwnerOfALossyRangeHoldsWhatOthersReceive) {
  const kernels::FloatEnvironment environment;
  const BrainCodec brain;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomTensors owner(DataType::kFloat32, seed);
    RandomTensors other(DataType::kFloat32, seed);
    const ElementRange range = owner.random_range();
    ByteBuffer scratch;
    std::vector<ByteSpan> spans;
    ASSERT_TRUE(encode_out(owner.list(), Side::kSink, range, brain, scratch, spans));
    ASSERT_EQ(spans.size(), range.empty() ? 0u : 1u);
    if (range.empty()) continue;
    ASSERT_EQ(spans[0].size(), brain.encoded_bytes(DataType::kFloat32, range.count()));
    ASSERT_TRUE(decode_in(owner.list(), range, brain, spans[0]));
    ASSERT_TRUE(decode_in(other.list(), range, brain, spans[0]));
    EXPECT_EQ(owner.sinks_now(), other.sinks_now());
    ByteBuffer expected(owner.list().bytes_of(range));
    ASSERT_TRUE(brain.decode(DataType::kFloat32, spans[0], expected));
    EXPECT_EQ(owner.sinks_now(), with(owner, owner.sink(), range, expected));

    ByteBuffer sum(expected.size());
    kernels::scalar::reduce(DataType::kFloat32, ReduceOp::kSum, expected.data(), expected.data(),
                            sum.data(), range.count());
    ASSERT_TRUE(
        decode_and_reduce_in(owner.list(), range, ReduceOp::kSum, Side::kSink, brain, spans[0]));
    EXPECT_EQ(owner.sinks_now(), with(owner, owner.sink(), range, sum));
  }
}

TEST(Stage, RefusesEncodingsOfTheWrongSizeOrContent) {
  const kernels::FloatEnvironment environment;
  RandomTensors tensors(DataType::kFloat32, 5);
  const ElementRange range = tensors.list().all();
  const BrainCodec brain;
  for (const Codec* codec : {&identity_codec(), static_cast<const Codec*>(&brain)}) {
    const size_t right = codec->encoded_bytes(DataType::kFloat32, range.count());
    for (const size_t wrong : {size_t{0}, right - 1, right + 1, right + 4}) {
      const ByteBuffer bytes = testing::random_bytes(tensors.random(), wrong);
      const Result<void> decoded = decode_in(tensors.list(), range, *codec, bytes);
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
      EXPECT_NE(decoded.error().message.find(codec->name()), std::string::npos);
      EXPECT_FALSE(
          decode_and_reduce_in(tensors.list(), range, ReduceOp::kSum, Side::kSink, *codec, bytes));
    }
  }
  ByteBuffer bytes(brain.encoded_bytes(DataType::kFloat32, range.count()), std::byte{1});
  EXPECT_FALSE(decode_in(tensors.list(), range, brain, bytes));
  EXPECT_EQ(tensors.sinks_now(), tensors.sink());
}

TEST(Stage, AssertsFlatSizes) {
  RandomTensors tensors(DataType::kFloat32, 5);
  ByteBuffer flat(tensors.list().total_bytes() + 1);
  const ElementRange all = tensors.list().all();
  EXPECT_THROW(copy_out(tensors.list(), Side::kSource, all, flat), BrokenInvariant);
  EXPECT_THROW(copy_in(tensors.list(), all, flat), BrokenInvariant);
  EXPECT_THROW(reduce_in(tensors.list(), all, ReduceOp::kSum, Side::kSink, flat), BrokenInvariant);
}

}  // namespace
}  // namespace atoll_core::codec
