// Series in, verdict out: what is flat passes, what grows is named, what is too short is called so.
#include "tools/atoll/soak/judge.h"

#include <gmock/gmock.h>

#include <random>

namespace atoll_cli {
namespace {

using testing::HasSubstr;

constexpr double kSampleEvery = 10;

class SoakJudge : public ::testing::Test {
 protected:
  // Two processes that last, and steps; noise of `noise_kib` in memory and of 10 % in times.
  SoakSeries flat(double seconds, double noise_kib = 300) {
    std::normal_distribution<double> noise(0, 1);
    SoakSeries series;
    series.seconds = seconds;
    for (const char* name : {"coordinator", "worker-1"}) {
      SoakProcess& process = series.processes.emplace_back();
      process.name = name;
      process.lasts = true;
      for (double at = kSampleEvery; at <= seconds; at += kSampleEvery) {
        const double connections = static_cast<double>(random_() % 9);
        process.samples.push_back({at, 60'000 + noise_kib * noise(random_),
                                   40'000 + noise_kib * noise(random_), 20 + connections,
                                   connections, 5,
                                   {{"ended_calls", static_cast<double>(random_() % 1000)},
                                    {"names", static_cast<double>(random_() % 30'000)}}});
      }
    }
    for (double at = kSampleEvery; at <= seconds; at += kSampleEvery) {
      series.steps.push_back({at, 8 + 0.8 * noise(random_), 5});
    }
    return series;
  }
  std::vector<SoakSample>& worker(SoakSeries& series) { return series.processes[1].samples; }

  static std::vector<std::string> of(const SoakVerdict& verdict, SoakOutcome outcome) {
    std::vector<std::string> sentences;
    for (const SoakFinding& finding : verdict.findings) {
      if (finding.outcome == outcome) sentences.push_back(finding.sentence);
    }
    return sentences;
  }
  // One thing grows, and that is said of it.
  static void expect_growth(const SoakVerdict& verdict, const std::string& sentence) {
    EXPECT_EQ(verdict.outcome, SoakOutcome::kGrows);
    EXPECT_THAT(of(verdict, SoakOutcome::kGrows), testing::ElementsAre(HasSubstr(sentence)));
  }

  std::mt19937_64 random_{17};
};

TEST_F(SoakJudge, FlatSeriesPass) {
  for (int i = 0; i < 50; ++i) {
    const SoakVerdict verdict = judge(flat(1800));
    EXPECT_EQ(verdict.outcome, SoakOutcome::kFlat);
    EXPECT_THAT(of(verdict, SoakOutcome::kTooShort), testing::IsEmpty());
    EXPECT_THAT(of(verdict, SoakOutcome::kGrows), testing::IsEmpty());
  }
}

TEST_F(SoakJudge, ALeakOf100KibAMinuteAmongNoiseFails) {
  for (int i = 0; i < 50; ++i) {
    SoakSeries series = flat(1800);
    for (SoakSample& sample : worker(series)) sample.private_kib += 100 * sample.seconds / 60;
    expect_growth(judge(series), "worker-1: private memory grows: ");
  }
}

TEST_F(SoakJudge, MemoryThatGrowsUntilTheMiddleAndThenStaysPasses) {
  SoakSeries series = flat(1800, 100);
  for (SoakSample& sample : worker(series)) {
    sample.private_kib += 200 * std::min(sample.seconds, 900.0) / 60;
  }
  EXPECT_EQ(judge(series).outcome, SoakOutcome::kFlat);
}

TEST_F(SoakJudge, WhatGrowsInTheWarmUpOnlyPasses) {
  SoakSeries series = flat(3600);
  for (SoakSample& sample : worker(series)) {
    sample.private_kib += 10'000 * std::min(sample.seconds, 300.0) / 60;
  }
  EXPECT_EQ(judge(series).outcome, SoakOutcome::kFlat);
}

TEST_F(SoakJudge, NoiseThatCouldHideALeakIsTooShortToJudge) {
  const SoakVerdict verdict = judge(flat(300, 10'000));
  EXPECT_EQ(verdict.outcome, SoakOutcome::kTooShort);
  EXPECT_THAT(of(verdict, SoakOutcome::kTooShort).front(),
              HasSubstr("private memory cannot be judged, the run is too short"));
}

TEST_F(SoakJudge, ADescriptorThatLeaksWithEveryStepFails) {
  SoakSeries series = flat(600);
  for (SoakSample& sample : worker(series)) sample.descriptors += sample.seconds * 100;
  expect_growth(judge(series), "worker-1: descriptors beyond connections grow: ");
}

TEST_F(SoakJudge, AFewDescriptorsThatLeakInTheWholeRunFail) {
  SoakSeries series = flat(600);
  for (SoakSample& sample : worker(series)) {
    sample.descriptors += std::floor(sample.seconds / 100);
  }
  expect_growth(judge(series), "worker-1: descriptors beyond connections grow: ");
}

TEST_F(SoakJudge, DescriptorsOfMoreConnectionsAreNoGrowth) {
  SoakSeries series = flat(600);
  for (SoakSample& sample : worker(series)) {
    sample.descriptors += sample.seconds;
    sample.connections += sample.seconds;
  }
  EXPECT_EQ(judge(series).outcome, SoakOutcome::kFlat);
}

TEST_F(SoakJudge, ThreadsThatLeakFail) {
  SoakSeries series = flat(600);
  for (SoakSample& sample : worker(series)) sample.threads += std::floor(sample.seconds / 100);
  expect_growth(judge(series), "worker-1: threads grow: ");
}

TEST_F(SoakJudge, ATableThatGrowsFails) {
  SoakSeries series = flat(600);
  for (SoakSample& sample : worker(series)) sample.tables["ended_calls"] += 10 * sample.seconds;
  expect_growth(judge(series), "worker-1: table ended_calls grows: ");
}

TEST_F(SoakJudge, ATableBeyondItsLimitFails) {
  SoakSeries series = flat(600);
  worker(series).back().tables["names"] = 65'537;
  expect_growth(judge(series),
                "worker-1: table names has had 65537 entries at most; its limit is 65536");
}

TEST_F(SoakJudge, StepsThatGetSlowerFail) {
  SoakSeries series = flat(600);
  for (SoakSteps& steps : series.steps) steps.median_ms *= 1 + 0.5 * steps.seconds / 600;
  expect_growth(judge(series), "steps: the median time of one with 5 members grows: ");
}

TEST_F(SoakJudge, StepsOfMoreMembersAreNotComparedWithThoseOfFewer) {
  SoakSeries series = flat(600);
  for (SoakSteps& steps : series.steps) {
    if (steps.seconds < 400) continue;
    steps.members = 9;
    steps.median_ms *= 3;
  }
  EXPECT_EQ(judge(series).outcome, SoakOutcome::kFlat);
}

TEST_F(SoakJudge, AShortRunIsTooShortToJudge) {
  const SoakVerdict verdict = judge(flat(60));
  EXPECT_EQ(verdict.outcome, SoakOutcome::kTooShort);
  EXPECT_THAT(of(verdict, SoakOutcome::kTooShort),
              testing::ElementsAre(HasSubstr("coordinator: too short to judge: "),
                                   HasSubstr("worker-1: too short to judge: "),
                                   HasSubstr("steps: too short to judge: ")));
}

TEST_F(SoakJudge, ManySamplesInShortTimeJudgeAllButMemory) {
  SoakSeries series = flat(600);
  series.seconds = 30;
  for (SoakProcess& process : series.processes) {
    for (SoakSample& sample : process.samples) sample.seconds /= 20;
  }
  for (SoakSteps& steps : series.steps) steps.seconds /= 20;
  EXPECT_THAT(of(judge(series), SoakOutcome::kTooShort),
              testing::Each(HasSubstr("too short to judge memory: ")));
  for (SoakSample& sample : worker(series)) sample.descriptors += sample.seconds;
  expect_growth(judge(series), "worker-1: descriptors beyond connections grow: ");
}

TEST_F(SoakJudge, NothingAtAllIsTooShortToJudge) {
  EXPECT_EQ(judge(SoakSeries{}).outcome, SoakOutcome::kTooShort);
}

TEST_F(SoakJudge, AProcessThatWasThereForHalfOfItMustNotGrowButMayBeTooShort) {
  SoakSeries series = flat(1800);
  SoakProcess passing = series.processes[1];
  passing.name = "worker-9";
  passing.lasts = false;
  passing.samples.resize(90);
  for (SoakSample& sample : passing.samples) sample.private_kib += 1e6 * double(random_() % 2);
  series.processes.push_back(passing);
  EXPECT_EQ(judge(series).outcome, SoakOutcome::kFlat);
  for (SoakSample& sample : series.processes.back().samples) sample.descriptors += sample.seconds;
  expect_growth(judge(series), "worker-9: descriptors beyond connections grow: ");
}

TEST_F(SoakJudge, AProcessThatWasThereForAShortWhileIsNotLookedAt) {
  SoakSeries series = flat(1800);
  SoakProcess brief = series.processes[1];
  brief.name = "worker-9";
  brief.lasts = false;
  brief.samples.resize(40);
  for (SoakSample& sample : brief.samples) sample.descriptors += sample.seconds;
  series.processes.push_back(brief);
  EXPECT_EQ(judge(series).outcome, SoakOutcome::kFlat);
}

}  // namespace
}  // namespace atoll_cli
