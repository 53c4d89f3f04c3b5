#include "engine/settle_report.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace atoll_core::engine {
namespace {

wire::OpReport report_of(uint64_t sequence, size_t contributors, size_t sentence) {
  wire::OpReport report;
  report.op.generation.first = {{1u << 30, 0xFFFFFFFFu}, 1u << 30};
  report.op.tag = ~uint64_t{0} - 1;
  report.op.group = kGroupAlone + limits::kShardsPerReplica - 1;
  report.op.sequence = sequence;
  report.epoch = report.op.generation.first;
  report.phase = wire::OpPhase::kAborted;
  report.call.count = limits::kElements;
  report.call.tensors = limits::kTensorsPerBatch;
  report.call.layout = {~uint64_t{0}, ~uint64_t{0}};
  report.call.root = PeerId{~uint64_t{0}};
  report.contributors.assign(contributors, PeerId{~uint64_t{0}});
  report.code = ErrorCode::kAborted;
  while (report.reason.size() < sentence) report.reason += "\xC3\xA9";
  return report;
}

void expect_sendable(const wire::SettleReport& report) {
  const std::string bytes = wire::encode(wire::ToCoordinator(report));
  EXPECT_LE(bytes.size(), limits::kControlMessageBytes);
  const auto decoded = wire::decode_to_coordinator(bytes);
  EXPECT_TRUE(decoded.has_value()) << decoded.error().message;
}

TEST(SettleReport, ShortOnesStayAsTheyAre) {
  wire::SettleReport report;
  for (uint64_t i = 0; i < 100; ++i) report.ops.push_back(report_of(i, 3, 2000));
  const wire::SettleReport before = report;
  fit_sentences(report);
  EXPECT_EQ(report, before);
}

// As much as a peer may have to tell of, each with the longest sentence.
TEST(SettleReport, OfAllThatAPeerMayHaveToTellFitsIntoAMessage) {
  wire::SettleReport report;
  constexpr size_t kMost = limits::kAbortsKept + 2 * limits::kOpsInFlight + limits::kEarlyVerdicts;
  for (uint64_t i = 0; i < kMost; ++i) {
    report.ops.push_back(report_of(i, 0, limits::kSentenceBytes));
  }
  fit_sentences(report);
  EXPECT_FALSE(report.ops[0].reason.empty());
  EXPECT_GT(wire::encode(wire::ToCoordinator(report)).size(), limits::kReportBytes / 2);
  expect_sendable(report);
}

TEST(SettleReport, AFewFullListsOfContributorsFit) {
  wire::SettleReport report;
  for (uint64_t i = 0; i < 300; ++i) {
    report.ops.push_back(report_of(i, limits::kPeers, limits::kSentenceBytes));
  }
  fit_sentences(report);
  expect_sendable(report);
}

}  // namespace
}  // namespace atoll_core::engine
