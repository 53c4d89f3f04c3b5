// Parts of a run, none of which may go on alone, go round a list of coordinators until all are at
// the same one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "membership/coordinator/rejoin_windows.h"

namespace atoll_core::membership {
namespace {

struct Part {
  std::vector<uint32_t> reaches;  // addresses, in the order of the list
  size_t at = 0;
  double until = 0;  // in windows

  uint32_t address() const { return reaches[at]; }
};

// Windows until all are at one; `patience`: they never were.
template <class Rule>
double windows_until_they_meet(std::vector<Part> parts, double patience, const Rule& rule) {
  double now = 0;
  while (now < patience) {
    const auto here = [&](const Part& part) { return part.address() == parts[0].address(); };
    if (std::all_of(parts.begin(), parts.end(), here)) return now;
    const auto next = std::min_element(
        parts.begin(), parts.end(),
        [](const Part& one, const Part& other) { return one.until < other.until; });
    now = next->until;
    next->at = (next->at + 1) % next->reaches.size();
    const auto host = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
      return &part != &*next && part.address() == next->address();
    });
    // Who comes later waits no longer than who was there first.
    next->until = host == parts.end() ? now + 0.01 + rule(next->address()) : host->until;
  }
  return patience;
}

struct Meetings {
  size_t never = 0;
  std::vector<double> took;
};

// Of so many parts that begin anywhere; if `blind`, the first part does not reach the first
// coordinator, nor the second part the second.
template <class Rule>
Meetings play(uint32_t coordinators, size_t count, bool blind, const Rule& rule) {
  constexpr double kPatience = 4000;
  Meetings meetings;
  uint64_t state = 1;
  const auto random = [&] { return mix(state += 0x9E3779B97F4A7C15u); };
  for (int run = 0; run < 200; ++run) {
    std::vector<Part> parts(count);
    for (size_t part = 0; part < count; ++part) {
      for (uint32_t address = 0; address < coordinators; ++address) {
        if (!blind || address != part) parts[part].reaches.push_back(address);
      }
      parts[part].at = random() % parts[part].reaches.size();
      parts[part].until = static_cast<double>(random() % 1000) / 1000;
    }
    const auto windows = [&](uint32_t address) { return rule(address, random()); };
    const double took = windows_until_they_meet(std::move(parts), kPatience, windows);
    if (took == kPatience) ++meetings.never;
    meetings.took.push_back(took);
  }
  std::sort(meetings.took.begin(), meetings.took.end());
  return meetings;
}

TEST(RejoinWindows, TwoCoordinatorsAreThereAlikeEachTime) {
  for (uint64_t lot = 0; lot < 100; ++lot) {
    EXPECT_EQ(rejoin_windows(0, 1, lot), 1);
    EXPECT_EQ(rejoin_windows(0, 2, lot), 1);
    EXPECT_EQ(rejoin_windows(1, 2, lot), 2);
  }
}

TEST(RejoinWindows, PartsOfARunMeet) {
  for (const uint32_t coordinators : {2u, 3u, 4u, 8u, 16u}) {
    for (const size_t parts : {2u, 3u}) {
      for (const bool blind : {false, true}) {
        if (blind && coordinators <= parts) continue;  // they reach no common one
        const auto rule = [&](uint32_t address, uint64_t lot) {
          return static_cast<double>(rejoin_windows(address, coordinators, lot));
        };
        const Meetings meetings = play(coordinators, parts, blind, rule);
        std::printf("%2u coordinators, %zu parts%s: median %.1f windows, 95 of 100 %.1f\n",
                    coordinators, parts, blind ? ", some not reached" : "", meetings.took[100],
                    meetings.took[190]);
        EXPECT_EQ(meetings.never, 0u);
        if (coordinators > 4) continue;
        EXPECT_LT(meetings.took[190], 20);  // the grace, by default
      }
    }
  }
}

// What the lot is for: the same model with waits that are always the same.
TEST(RejoinWindows, WithWaitsThatAreAlwaysTheSameTheyMissEachOther) {
  const auto same = [](uint32_t, uint64_t) { return 1.0; };
  EXPECT_GT(play(4, 2, false, same).never, 50u);
  const auto by_address = [](uint32_t address, uint64_t) { return 1.0 + std::min(address, 2u); };
  EXPECT_GT(play(4, 2, false, by_address).never, 20u);
}

}  // namespace
}  // namespace atoll_core::membership
