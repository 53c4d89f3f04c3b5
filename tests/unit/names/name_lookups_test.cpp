#include "names/name_lookups.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>

#include <signal.h>

#include "support/silent_name_server.h"
#include "unit/process/child.h"

namespace atoll_core::names {
namespace {

using atoll_test::SilentNameServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using namespace std::chrono_literals;  // NOLINT: durations

constexpr auto kPatience = SilentNameServer::kPatience;

// What one who asks is told; shared, since the threads may outlive the test.
struct Asker {
  std::shared_ptr<std::promise<Found>> told = std::make_shared<std::promise<Found>>();
  std::future<Found> answer = told->get_future();
  NameLookups::Ticket ticket;

  void ask(NameLookups& lookups, const std::string& name) {
    ticket = lookups.start(name, [told = told](const Found& found) { told->set_value(found); });
  }
  std::string address() {
    if (answer.wait_for(kPatience) != std::future_status::ready) return "nothing was told";
    return SilentNameServer::text(answer.get().addresses.at(0));
  }
};

TEST(NameLookupsTest, TheSystemKnowsThisMachine) {
  const Found found = NameLookups::of_system().wait("localhost", kPatience);
  EXPECT_FALSE(found.addresses.empty()) << found.problem;
}

TEST(NameLookupsTest, AnUnknownNameHasAProblem) {
  const Found found = NameLookups::of_system().wait("no such host", kPatience);
  EXPECT_TRUE(found.addresses.empty());
  EXPECT_FALSE(found.problem.empty());
}

TEST(NameLookupsTest, NobodyWaitsLongerThanHeWantsTo) {
  SilentNameServer server;
  NameLookups lookups(server.resolve());
  const Found found = lookups.wait("a.example.com", 50ms);
  EXPECT_TRUE(found.addresses.empty());
  EXPECT_THAT(found.problem, HasSubstr("50 ms"));
  server.answer("192.0.2.1");
}

TEST(NameLookupsTest, WhoAsksForTheSameNameJoinsTheLookup) {
  SilentNameServer server;
  NameLookups lookups(server.resolve());
  Asker askers[5];
  for (Asker& asker : askers) asker.ask(lookups, "a.example.com");
  ASSERT_TRUE(server.wait_for_questions(1));
  for (int retry = 0; retry < 100; ++retry) (void)lookups.wait("a.example.com", 0ms);
  EXPECT_THAT(server.questions(), SizeIs(1));
  server.answer("192.0.2.1");
  for (Asker& asker : askers) EXPECT_EQ(asker.address(), "192.0.2.1");
  EXPECT_THAT(server.questions(), SizeIs(1));
}

TEST(NameLookupsTest, AnEndedLookupIsNotAnswerForTheNext) {
  SilentNameServer server;
  NameLookups lookups(server.resolve());
  server.answer("192.0.2.1");
  EXPECT_EQ(SilentNameServer::text(lookups.wait("a.example.com", kPatience).addresses.at(0)),
            "192.0.2.1");
  server.answer("192.0.2.2");
  EXPECT_EQ(SilentNameServer::text(lookups.wait("a.example.com", kPatience).addresses.at(0)),
            "192.0.2.2");
}

TEST(NameLookupsTest, ASilentNameHoldsUpNoOther) {
  SilentNameServer server;
  NameLookups lookups([silent = server.resolve()](const std::string& name) {
    if (name == "silent.example.com") return silent(name);
    Found found;
    found.problem = "no such name";
    return found;
  });
  Asker silent;
  silent.ask(lookups, "silent.example.com");
  ASSERT_TRUE(server.wait_for_questions(1));
  EXPECT_EQ(lookups.wait("b.example.com", kPatience).problem, "no such name");
  server.answer("192.0.2.1");
  EXPECT_EQ(silent.address(), "192.0.2.1");
}

TEST(NameLookupsTest, MoreNamesThanThreadsTakeTurns) {
  SilentNameServer server;
  NameLookups lookups(server.resolve());
  constexpr size_t kNames = NameLookups::kThreads + 4;
  Asker askers[kNames];
  for (size_t i = 0; i < kNames; ++i) {
    askers[i].ask(lookups, std::to_string(i) + ".example.com");
  }
  ASSERT_TRUE(server.wait_for_questions(NameLookups::kThreads));
  EXPECT_THAT(server.questions(), SizeIs(NameLookups::kThreads));
  askers[kNames - 1].ticket.reset();  // its name has not had its turn: nobody is asked for it
  server.answer("192.0.2.1");
  for (size_t i = 0; i + 1 < kNames; ++i) EXPECT_EQ(askers[i].address(), "192.0.2.1") << i;
  EXPECT_THAT(server.questions(), SizeIs(kNames - 1));
}

TEST(NameLookupsTest, WhoHasDroppedTheTicketIsToldNothing) {
  SilentNameServer server;
  NameLookups lookups(server.resolve());
  Asker gone;
  Asker stays;
  gone.ask(lookups, "a.example.com");
  stays.ask(lookups, "a.example.com");
  ASSERT_TRUE(server.wait_for_questions(1));
  gone.ticket.reset();
  server.answer("192.0.2.1");
  EXPECT_EQ(stays.address(), "192.0.2.1");
  EXPECT_EQ(gone.answer.wait_for(0s), std::future_status::timeout);
}

// The answer comes when nobody is left: its thread works on what it owns.
TEST(NameLookupsTest, ALateAnswerFindsNobody) {
  SilentNameServer server;
  {
    NameLookups lookups(server.resolve());
    Asker gone;
    gone.ask(lookups, "a.example.com");
    ASSERT_TRUE(server.wait_for_questions(1));
  }
  server.answer("192.0.2.1");
  EXPECT_TRUE(server.wait_for_answers(1));
}

TEST(NameLookupsTest, WhatAResolverThrowsIsAProblem) {
  NameLookups lookups([](const std::string&) -> Found { throw std::runtime_error("broken"); });
  EXPECT_EQ(lookups.wait("a.example.com", kPatience).problem, "broken");
}

// A program that waits for its signals in a thread of its own would lose them otherwise.
TEST(NameLookupsTest, ItsThreadsTakeNoSignals) {
  auto blocked = std::make_shared<std::atomic<bool>>(false);
  NameLookups lookups([blocked](const std::string&) {
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    *blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGUSR1) == 1;
    return Found{{}, "nothing"};
  });
  EXPECT_EQ(lookups.wait("a.example.com", kPatience).problem, "nothing");
  EXPECT_TRUE(*blocked);
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGINT), 0) << "the caller's own mask is as it was";
}

// A thread of the parent may hold the mutex at the fork, and no thread of it is in the child.
TEST(NameLookupsTest, AForkedChildHasLookupsOfItsOwn) {
  const NameLookups* of_parent = &NameLookups::of_system();
  EXPECT_EQ(of_parent, &NameLookups::of_system());
  EXPECT_TRUE(process::in_child([&] { return of_parent != &NameLookups::of_system(); }));
}

}  // namespace
}  // namespace atoll_core::names
