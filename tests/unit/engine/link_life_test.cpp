// Two ends of a link that are made again, dial each other, and hear each other late.
#include <deque>
#include <random>

#include <gtest/gtest.h>

#include "engine/link_life.h"

namespace atoll_core::engine {
namespace {

TEST(LinkLife, TheFirstConnectionBindsBothEnds) {
  LinkLife here(3);
  LinkLife there(8);
  ASSERT_TRUE(there.fits(here.own(), here.bound_to()));
  there.bind(here.own());
  ASSERT_TRUE(here.fits(there.own(), there.bound_to()));
  here.bind(there.own());
  EXPECT_TRUE(here.fits(8, 3));
  EXPECT_FALSE(here.fits(8, 2)) << "that one counts with an end that was here before";
  EXPECT_FALSE(here.fits(7, 3)) << "an old answer";
  EXPECT_FALSE(here.fits(0, 0));
}

TEST(LinkLife, AnEndThatIsOutlivedFitsNobodyUntilItBeginsAnew) {
  LinkLife here(3);
  here.bind(8);
  EXPECT_FALSE(here.is_outlived_by(8));
  ASSERT_TRUE(here.is_outlived_by(9));
  EXPECT_FALSE(here.fits(9, 0));
  here.begin_anew(4, 9);
  EXPECT_EQ(here.bound_to(), 0u);
  EXPECT_FALSE(here.is_outlived_by(10)) << "it has counted nothing";
  EXPECT_FALSE(here.fits(8, 0));
  EXPECT_FALSE(here.fits(9, 3));
  EXPECT_TRUE(here.fits(9, 0));
}

// Two ends, hellos that are on their way in both directions and come in any order, and ends that
// are made again all the time, as LinkTable does it.
class TwoEnds {
 public:
  explicit TwoEnds(uint64_t seed) : random_(seed) {}

  void make_again(size_t end) { ends_[end] = End{LinkLife(++last_[end]), {}}; }
  void dial(size_t from) {
    const LinkLife& life = ends_[from].life;
    on_the_way_.push_back({from, false, life.own(), life.bound_to(), 0});
  }
  void lose_connections() {
    for (End& end : ends_) end.connected.clear();
  }
  bool idle() const { return on_the_way_.empty(); }
  // One of those that are on their way comes.
  void deliver() {
    const size_t which = random_() % on_the_way_.size();
    const Hello hello = on_the_way_[which];
    on_the_way_.erase(on_the_way_.begin() + static_cast<std::ptrdiff_t>(which));
    const size_t to = 1 - hello.from;
    End& end = ends_[to];
    hear(to, hello.life);
    const bool told_this = !hello.is_answer || hello.told == end.life.own();
    const bool stays = told_this && end.life.fits(hello.life, hello.bound_to);
    if (stays) {
      end.life.bind(hello.life);
      end.connected.push_back({end.life.own(), hello.life});
    }
    if (hello.is_answer) return;
    on_the_way_.push_back({to, true, end.life.own(), stays ? hello.life : end.life.bound_to(),
                           hello.life});
  }
  // Each connection of an end is with the life that it is bound to, and that with it.
  bool counts_alike() const {
    for (const End& end : ends_) {
      for (const auto& [own, other] : end.connected) {
        if (own != end.life.own() || other != end.life.bound_to()) return false;
      }
    }
    return true;
  }
  // How many begin anew, and how often they dial, until both are bound to each other.
  size_t dials_until_paired() {
    for (size_t dials = 0; dials < 100; ++dials) {
      const LinkLife& one = ends_[0].life;
      const LinkLife& two = ends_[1].life;
      if (one.bound_to() == two.own() && two.bound_to() == one.own()) return dials;
      dial(random_() % 2);
      while (!idle()) deliver();
    }
    return 100;
  }
  size_t next(size_t bound) { return random_() % bound; }

 private:
  struct Hello {
    size_t from;
    bool is_answer;
    uint64_t life;
    uint64_t bound_to;
    uint64_t told;  // an answer: the life that has asked
  };
  struct End {
    LinkLife life{1};
    std::deque<std::pair<uint64_t, uint64_t>> connected;  // own life, that of the other end
  };

  void hear(size_t at, uint64_t other) {
    End& end = ends_[at];
    if (!end.life.is_outlived_by(other)) return;
    end.connected.clear();
    end.life.begin_anew(++last_[at], other);
  }

  std::mt19937_64 random_;
  End ends_[2];
  uint64_t last_[2] = {1, 1};
  std::vector<Hello> on_the_way_;
};

TEST(LinkLife, WhateverWasMadeAgainTwoEndsPairWithinThreeDialsAndCountAlike) {
  size_t most = 0;
  for (uint64_t seed = 1; seed <= 20'000; ++seed) {
    TwoEnds ends(seed);
    const size_t steps = 1 + ends.next(30);
    for (size_t step = 0; step < steps; ++step) {
      switch (ends.next(6)) {
        case 0: ends.make_again(ends.next(2)); break;
        case 1: ends.lose_connections(); break;
        case 2: case 3: ends.dial(ends.next(2)); break;
        default: if (!ends.idle()) ends.deliver();
      }
      ASSERT_TRUE(ends.counts_alike()) << "seed " << seed << ", step " << step;
    }
    while (!ends.idle()) ends.deliver();
    most = std::max(most, ends.dials_until_paired());
    ASSERT_TRUE(ends.counts_alike()) << "seed " << seed;
  }
  EXPECT_LE(most, 3u);
}

}  // namespace
}  // namespace atoll_core::engine
