#include "peer/descriptor_watch.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace atoll_core::peer {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Said {
  process::DescriptorRoom room;
  std::vector<std::string> sentences;
  DescriptorWatch watch{[this](const std::string& sentence) { sentences.push_back(sentence); },
                        [this] { return room; }};
};

TEST(DescriptorWatch, IsSilentWhileThereIsRoom) {
  Said said{{1024, 20}, {}};
  said.watch.look(996, 0);
  EXPECT_THAT(said.sentences, IsEmpty());
}

TEST(DescriptorWatch, SaysHowManyAreNeeded) {
  Said said{{1024, 20}, {}};
  said.watch.look(997, 0);
  EXPECT_THAT(said.sentences,
              ElementsAre(AllOf(HasSubstr("may have 1024 file descriptors, and 20 are open"),
                                HasSubstr("want 997 connections"), HasSubstr("allowed 1025"))));
}

TEST(DescriptorWatch, CountsConnectionsThatAreOpenOnce) {
  Said said{{1024, 520}, {}};
  said.watch.look(996, 500);
  EXPECT_THAT(said.sentences, IsEmpty());
}

TEST(DescriptorWatch, SpeaksAgainOnlyWhenMoreAreWanted) {
  Said said{{10, 5}, {}};
  said.watch.look(2, 0);
  said.watch.look(2, 0);
  said.watch.look(1, 0);
  EXPECT_EQ(said.sentences.size(), 1u);
  said.watch.look(3, 0);
  EXPECT_EQ(said.sentences.size(), 2u);
}

}  // namespace
}  // namespace atoll_core::peer
