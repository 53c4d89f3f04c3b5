#include "engine/flight_recorder.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace atoll_core::engine {
namespace {

TimePoint at(int64_t ms) { return TimePoint(std::chrono::milliseconds(ms)); }

TEST(FlightRecorder, KeepsWhatIsNotedInOrder) {
  FlightRecorder recorder(8);
  EXPECT_TRUE(recorder.events().empty());
  const OpId op{{}, kGroupAll, 7, 12};
  recorder.note(at(1), {.kind = FlightKind::kControlUp});
  recorder.note(at(2), {.kind = FlightKind::kOpAttempt, .op = &op, .number = 3});
  recorder.note(at(3), {.kind = FlightKind::kLinkUp, .peer = PeerId{9}, .text = "island-3"});
  const auto events = recorder.events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, FlightKind::kControlUp);
  EXPECT_FALSE(events[0].about_op);
  EXPECT_EQ(events[0].words(), "");
  EXPECT_TRUE(events[1].about_op);
  EXPECT_EQ(events[1].group, kGroupAll);
  EXPECT_EQ(events[1].tag, 7u);
  EXPECT_EQ(events[1].sequence, 12u);
  EXPECT_EQ(events[1].number, 3u);
  EXPECT_EQ(events[2].at, at(3));
  EXPECT_EQ(events[2].peer, 9u);
  EXPECT_EQ(events[2].words(), "island-3");
}

TEST(FlightRecorder, TheNewestEventsReplaceTheOldest) {
  constexpr size_t kCapacity = 5;
  FlightRecorder recorder(kCapacity);
  for (uint64_t i = 1; i <= 23; ++i) {
    recorder.note(at(static_cast<int64_t>(i)), {.kind = FlightKind::kView, .number = i});
    const auto events = recorder.events();
    ASSERT_EQ(events.size(), std::min<uint64_t>(i, kCapacity));
    for (size_t k = 0; k < events.size(); ++k) {
      ASSERT_EQ(events[k].number, i - events.size() + 1 + k) << "after event " << i;
    }
  }
  EXPECT_EQ(recorder.noted(), 23u);
}

TEST(FlightRecorder, AReplacedEventLeavesNothingBehind) {
  FlightRecorder recorder(1);
  const OpId op{{}, 3, 7, 12};
  recorder.note(at(1), {.kind = FlightKind::kOpFailed, .op = &op, .peer = PeerId{4}, .number = 5,
                        .text = "a long reason"});
  recorder.note(at(2), {.kind = FlightKind::kThaw});
  const FlightEvent event = recorder.events().at(0);
  EXPECT_EQ(event.words(), "");
  EXPECT_FALSE(event.about_op);
  EXPECT_EQ(event.group, 0u);
  EXPECT_EQ(event.tag + event.sequence + event.peer + event.number, 0u);
}

TEST(FlightRecorder, LongTextIsCutBetweenCharacters) {
  const size_t room = FlightEvent{}.text.size();
  FlightRecorder recorder;
  recorder.note(at(1), {.text = std::string(room, 'x')});
  recorder.note(at(2), {.text = std::string(room - 1, 'x') + "é"});
  recorder.note(at(3), {.text = std::string(room - 2, 'x') + "🏝"});
  recorder.note(at(4), {.text = std::string(room - 2, 'x') + "é and more"});
  const auto events = recorder.events();
  EXPECT_EQ(events[0].words(), std::string(room, 'x'));
  EXPECT_EQ(events[1].words(), std::string(room - 1, 'x'));
  EXPECT_EQ(events[2].words(), std::string(room - 2, 'x'));
  EXPECT_EQ(events[3].words(), std::string(room - 2, 'x') + "é");
}

TEST(FlightRecorder, EveryKindHasAName) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(FlightKind::kLeft); ++kind) {
    const std::string_view name = to_string(static_cast<FlightKind>(kind));
    EXPECT_FALSE(name.empty()) << kind;
    EXPECT_TRUE(names.insert(name).second) << name << " twice";
  }
}

}  // namespace
}  // namespace atoll_core::engine
