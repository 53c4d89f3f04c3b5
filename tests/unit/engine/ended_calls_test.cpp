#include "engine/ended_calls.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/limits.h"

namespace atoll_core::engine {
namespace {

const Generation kGeneration{Epoch{Incarnation{1, 7}, 3}};

OpId op(uint64_t sequence, uint64_t tag = 0) { return {kGeneration, 0, tag, sequence}; }

EndedCall small(size_t bytes) {
  EndedCall call;
  call.committed = true;
  call.contributors = {PeerId{1}, PeerId{2}};
  call.result = std::make_shared<ByteBuffer>(bytes);
  return call;
}

uint64_t none_open(const wire::Watermark&) { return std::numeric_limits<uint64_t>::max(); }

wire::Watermark below(uint64_t sequence, uint64_t tag = 0) {
  return {kGeneration, 0, tag, sequence};
}

TEST(EndedCalls, TellsEachNameOnceAndNoFurtherThanTheFirstOpenCall) {
  EndedCalls calls;
  calls.add(op(0), small(8));
  calls.add(op(2), small(8));
  calls.add(op(5, 9), {});
  EXPECT_TRUE(calls.has_untold());
  const auto one_is_open = [](const wire::Watermark& name) {
    return name.tag == 0 ? 1 : std::numeric_limits<uint64_t>::max();
  };
  EXPECT_EQ(calls.take_untold(one_is_open),
            (std::vector<wire::Watermark>{below(1), below(6, 9)}));
  EXPECT_TRUE(calls.take_untold(one_is_open).empty());
  EXPECT_EQ(calls.take_untold(none_open), (std::vector<wire::Watermark>{below(3)}));
  calls.tell_again();
  EXPECT_EQ(calls.take_untold(none_open),
            (std::vector<wire::Watermark>{below(3), below(6, 9)}));
}

// Somebody does not know that a call which is forgotten here has ended on all.
TEST(EndedCalls, TellsOnceMoreOfWhatIsForgottenWhenItIsAskedFor) {
  EndedCalls calls;
  for (uint64_t i = 0; i < 3; ++i) calls.add(op(i), small(8));
  (void)calls.take_untold(none_open);
  calls.forget(below(3));
  EXPECT_FALSE(calls.has_untold());
  calls.answer(op(1));
  calls.answer(op(0));
  EXPECT_TRUE(calls.has_untold());
  EXPECT_EQ(calls.take_untold(none_open), std::vector<wire::Watermark>{below(2)});
  EXPECT_FALSE(calls.has_untold());
}

TEST(EndedCalls, MoreAnswersThanOneMessageHoldsAreToldInTheNext) {
  EndedCalls calls;
  for (uint64_t tag = 0; tag < limits::kWatermarks + 5; ++tag) {
    EXPECT_EQ(calls.should_tell_now(), tag >= limits::kWatermarks) << tag;
    calls.answer(op(0, tag));
  }
  EXPECT_EQ(calls.take_untold(none_open).size(), limits::kWatermarks);
  EXPECT_TRUE(calls.has_untold());
  EXPECT_EQ(calls.take_untold(none_open).size(), 5u);
  EXPECT_FALSE(calls.has_untold());
}

TEST(EndedCalls, ForgetsGenerationsFromTheOldestOn) {
  EndedCalls calls;
  const auto of = [](uint64_t generation) {
    return Generation{Epoch{Incarnation{1, 7}, generation}};
  };
  for (uint64_t generation : {3, 4, 5}) {
    for (uint64_t tag : {1, 2}) calls.add({of(generation), 0, tag, 0}, small(8));
  }
  const auto forgotten = calls.forget_while([&](const Generation& one) { return one < of(5); });
  EXPECT_EQ(forgotten.size(), 4u);
  EXPECT_EQ(calls.calls().size(), 2u);
  EXPECT_EQ(calls.take_untold(none_open).size(), 2u) << "of names that are kept";
}

TEST(EndedCalls, ForgetsWhatIsBelowTheMarkOfThatNameOnly) {
  EndedCalls calls;
  for (uint64_t i = 0; i < 4; ++i) calls.add(op(i), small(8));
  calls.add(op(0, 9), small(8));
  EXPECT_EQ(calls.forget(below(3)).size(), 3u);
  EXPECT_EQ(calls.find(op(2)), nullptr);
  EXPECT_NE(calls.find(op(3)), nullptr);
  EXPECT_NE(calls.find(op(0, 9)), nullptr);
  EXPECT_TRUE(calls.forget(below(3)).empty());
  EXPECT_TRUE(calls.keeps_results());
  EXPECT_EQ(calls.forget(below(4)).size() + calls.forget(below(1, 9)).size(), 2u);
  EXPECT_FALSE(calls.keeps_results());
}

TEST(EndedCalls, IsFullByBytesByNumberAndByReport) {
  EndedCalls bytes;
  bytes.add(op(0), small(limits::kResultBytesKept));
  EXPECT_TRUE(bytes.full());
  EXPECT_TRUE(bytes.should_tell_now());
  (void)bytes.forget(below(1));
  EXPECT_FALSE(bytes.full());

  EndedCalls number;
  for (uint64_t i = 0; i < limits::kResultsKept; ++i) number.add(op(i), small(0));
  EXPECT_TRUE(number.full());
  (void)number.forget(below(1));
  EXPECT_FALSE(number.full());

  EndedCalls report;
  EndedCall wide = small(0);
  wide.contributors.resize(limits::kPeers);
  uint64_t sequence = 0;
  while (!report.full()) report.add(op(sequence++), wide);
  EXPECT_LT(sequence * limits::kPeers * sizeof(PeerId), limits::kControlMessageBytes);
}

TEST(EndedCalls, IsFullByCountToo) {
  EndedCalls calls;
  for (uint64_t i = 0; i < limits::kCallsKept; ++i) {
    EXPECT_FALSE(calls.full()) << i;
    calls.add(op(i), {});
  }
  EXPECT_TRUE(calls.full());
  EXPECT_EQ(calls.aborted(), limits::kCallsKept);
  (void)calls.forget(below(1));
  EXPECT_FALSE(calls.full());
  EXPECT_EQ(calls.aborted(), limits::kCallsKept - 1);
}

TEST(EndedCalls, IsFullByWhatASettleRoundWouldBeTold) {
  EndedCalls calls;
  EndedCall call;
  call.committed = true;
  call.contributors.resize(limits::kPeers);
  uint64_t made = 0;
  for (; !calls.full() && made < 1000; ++made) calls.add(op(made), call);
  EXPECT_GE(calls.report_bytes(), limits::kReportBytesKept);
  EXPECT_LE(calls.report_bytes(), limits::kReportBytesKept + (64u << 10));
}

}  // namespace
}  // namespace atoll_core::engine
