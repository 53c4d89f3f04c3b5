// The state of a communicator as JSON: before, in and after a run, while a call waits, by signal,
// and on an error.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/test_run.h"

namespace atoll_test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json state_of(const TestPeer& peer) {
  size_t needed = 0;
  EXPECT_EQ(atollFormatState(peer.comm(), nullptr, 0, &needed), atollSuccess);
  std::vector<char> text(2 * needed + 4096);
  EXPECT_EQ(atollFormatState(peer.comm(), text.data(), text.size(), &needed), atollSuccess)
      << atollGetLastError();
  EXPECT_EQ(text.at(needed - 1), '\0');
  return Json::parse(text.data());
}

bool has_event(const Json& state, const std::string& kind) {
  for (const Json& event : state.at("events")) {
    if (event.at("event") == kind) return true;
  }
  return false;
}

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "atoll-dump-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path_); }
  std::string prefix() const { return (path_ / "state").string(); }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().extension() == ".json") found.push_back(entry.path());
    }
    return found;
  }

 private:
  fs::path path_;
};

Json parse_file(const fs::path& path) { return Json::parse(std::ifstream(path)); }

TEST(Dump, ACommunicatorThatWasNeverConnectedTellsWhoItIs) {
  TestPeer peer("127.0.0.1:1", "lonely");
  const Json state = state_of(peer);
  EXPECT_EQ(state.at("name"), "lonely");
  EXPECT_EQ(state.at("state"), "not connected");
  EXPECT_EQ(state.at("process"), getpid());
}

TEST(Dump, AMemberTellsViewLinksAndEventsInOrder) {
  TestRun run({"island-1", "island-2"});
  expect_all_reduce(run.all());
  const Json state = state_of(run[0]);
  EXPECT_EQ(state.at("state"), "member");
  EXPECT_EQ(state.at("io_thread"), "answers");
  EXPECT_EQ(state.at("epoch"), run[0].view().epoch);
  EXPECT_EQ(state.at("members").size(), 2u);
  EXPECT_EQ(state.at("coordinator").at("connection"), "up");
  ASSERT_EQ(state.at("links").size(), 1u);
  const Json& link = state.at("links").at(0);
  EXPECT_EQ(link.at("peer"), "island-2");
  EXPECT_EQ(link.at("state"), "up");
  EXPECT_GT(link.at("bytes_sent"), 0u);
  EXPECT_GT(link.at("bytes_received"), 0u);
  EXPECT_GE(link.at("heard_ms"), 0.0);
  EXPECT_TRUE(state.at("calls").empty());
  for (const char* kind : {"control up", "registered", "roster", "link up", "view", "update done",
                           "op begun", "op attempt", "op complete", "op committed"}) {
    EXPECT_TRUE(has_event(state, kind)) << kind;
  }
  double last = -1e18;
  for (const Json& event : state.at("events")) {
    EXPECT_LE(last, event.at("ms").get<double>());
    last = event.at("ms");
  }
  EXPECT_LE(last, 0.0);
}

TEST(Dump, WhileACallWaitsItNamesWhoIsAwaited) {
  TestRun run({"early", "late"});
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.tag = 7;
  Calling early = run[0].calls([&] { return atollBarrier(run[0].comm(), &options); });
  Json call;
  ASSERT_TRUE(wait_until([&] {
    const Json state = state_of(run[0]);
    if (!state.at("calls").empty()) call = state.at("calls").at(0);
    return call.is_object() && call.at("awaited") == Json::array({"late"});
  })) << call;
  EXPECT_EQ(call.at("call"), "barrier");
  EXPECT_EQ(call.at("tag"), 7);
  EXPECT_EQ(call.at("sequence"), 0);
  EXPECT_EQ(call.at("attempts"), 1);
  EXPECT_GE(call.at("age_ms"), 0.0);
  EXPECT_FALSE(early.over());
  EXPECT_EQ(atollBarrier(run[1].comm(), &options), atollSuccess);
  EXPECT_EQ(early.end().result, atollSuccess);
}

TEST(Dump, TablesTellHowManyEntriesTheyHave) {
  TestRun run({"early", "late"});
  const auto table = [&](const char* name) {
    return state_of(run[0]).at("tables").at(name).get<size_t>();
  };
  EXPECT_EQ(table("names"), 0u);
  EXPECT_EQ(table("links"), 1u);
  std::vector<atollRequest_t> requests;
  for (const uint64_t tag : {7, 8, 8}) {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.tag = tag;
    for (size_t peer = 0; peer < 2; ++peer) {
      if (peer == 1 && tag == 7) continue;  // it comes later
      atollRequest_t& request = requests.emplace_back();
      ASSERT_EQ(atollBarrierAsync(run[peer].comm(), &options, &request), atollSuccess);
    }
  }
  // Those of tag 8 end.
  EXPECT_TRUE(wait_until([&] { return table("open_calls") == 1u; }));
  EXPECT_EQ(table("names"), 2u);
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.tag = 7;
  EXPECT_EQ(atollBarrier(run[1].comm(), &options), atollSuccess);
  for (const atollRequest_t request : requests) {
    EXPECT_EQ(atollWait(request, nullptr), atollSuccess);
  }
  EXPECT_EQ(table("open_calls"), 0u);
  // What has ended is kept until the others are known to have ended it, too.
  EXPECT_TRUE(wait_until([&] { return table("ended_calls") == 0u; }));
  for (const char* name : {"early_verdicts", "stashed_attempts", "stashed_bytes"}) {
    EXPECT_EQ(table(name), 0u) << name;
  }
}

TEST(Dump, AnAllReduceNamesTheAbsentPeer) {
  TestRun run({"early", "late"});
  std::vector<float> values(1000, 1.0f), results(1000);
  Calling early = run[0].calls([&] {
    return atollAllReduce(values.data(), results.data(), values.size(), atollFloat32, atollSum,
                          run[0].comm(), nullptr, nullptr);
  });
  ASSERT_TRUE(wait_until([&] { return !state_of(run[0]).at("calls").empty(); }));
  const Json state = state_of(run[0]);
  EXPECT_EQ(state.at("calls").at(0).at("phase"), "moving");
  EXPECT_EQ(state.at("calls").at(0).at("awaited"), Json::array({"late"}));
  std::vector<float> other(1000, 2.0f);
  EXPECT_EQ(atollAllReduce(other.data(), other.data(), other.size(), atollFloat32, atollSum,
                           run[1].comm(), nullptr, nullptr), atollSuccess);
  EXPECT_EQ(early.end().result, atollSuccess);
}

TEST(Dump, ACallThatKeepsSegmentsSaysHowManyElementsStand) {
  TestRun run({"early", "late"});
  std::vector<float> values(1'000'000, 1.0f), other(1'000'000, 2.0f);
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.flags = ATOLL_KEEP_COMPLETED_SEGMENTS;
  const auto reduce = [&](size_t peer, std::vector<float>& data) {
    return atollAllReduce(data.data(), data.data(), data.size(), atollFloat32, atollSum,
                          run[peer].comm(), &options, nullptr);
  };
  Calling early = run[0].calls([&] { return reduce(0, values); });
  ASSERT_TRUE(wait_until([&] { return !state_of(run[0]).at("calls").empty(); }));
  const Json nothing = {{"of", 1'000'000}, {"complete_here", 0}, {"complete_on_all", 0}};
  EXPECT_EQ(state_of(run[0]).at("calls").at(0).at("elements"), nothing);
  EXPECT_EQ(reduce(1, other), atollSuccess);
  EXPECT_EQ(early.end().result, atollSuccess);
}

// The others are told at the same time who is there, so that only the absent one is named.
TEST(Dump, TheLogOfAWaitingPeerNamesTheAbsentOne) {
  static std::mutex mutex;
  static std::vector<std::string> warnings;
  warnings.clear();
  TestRun run({"a", "b", "c", "d", "late"}, [](atollCommConfig_t& config) {
    config.log = [](void*, int level, const char* message) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (level == 3) warnings.push_back(message);
    };
  });
  const auto waiting_for = [](const std::string& peer) {
    const std::lock_guard<std::mutex> lock(mutex);
    size_t count = 0;
    for (const std::string& warning : warnings) {
      count += warning.find("is waiting for " + peer + " in all-reduce tag 0 #0 for ") !=
               std::string::npos;
    }
    return count;
  };
  std::vector<Calling> calls;
  std::vector<std::vector<float>> values(5, std::vector<float>(100, 1.0f));
  const auto reduce = [&](size_t i) {
    return atollAllReduce(values[i].data(), values[i].data(), 100, atollFloat32, atollSum,
                          run[i].comm(), nullptr, nullptr);
  };
  for (size_t i = 0; i < 4; ++i) calls.push_back(run[i].calls([&, i] { return reduce(i); }));
  EXPECT_TRUE(wait_until([&] { return waiting_for("late") >= 4; }));
  EXPECT_EQ(reduce(4), atollSuccess);
  for (Calling& call : calls) EXPECT_EQ(call.end().result, atollSuccess);
}

TEST(Dump, AfterLeavingTheLastStateIsStillTold) {
  TestRun run({"island-1"});
  EXPECT_EQ(atollCommLeave(run[0].comm()), atollSuccess);
  const Json state = state_of(run[0]);
  EXPECT_EQ(state.at("state"), "not connected");
  EXPECT_EQ(state.at("left").at("result"), "atollNotConnected");
  EXPECT_TRUE(has_event(state, "view"));
  EXPECT_TRUE(has_event(state, "left"));
}

TEST(Dump, AStuckIoThreadIsSaidToBeStuck) {
  static std::atomic<bool> hold{false};
  static std::atomic<bool> held{false};
  hold = held = false;
  TestRun run({"stuck"}, [](atollCommConfig_t& config) {
    config.trace = [](void*, const char* point) {
      if (std::string(point) != "op.begin" || !hold) return;
      held = true;
      while (hold) std::this_thread::yield();
    };
  });
  hold = true;
  Calling call = run[0].calls([&] { return atollBarrier(run[0].comm(), nullptr); });
  ASSERT_TRUE(wait_until([] { return held.load(); }));
  const Json state = state_of(run[0]);
  hold = false;
  EXPECT_EQ(state.at("io_thread"), "does not answer");
  EXPECT_EQ(state.at("state"), "unknown");
  EXPECT_EQ(state.at("epoch"), run[0].view().epoch);
  EXPECT_EQ(call.end().result, atollSuccess);
}

TEST(Dump, ABufferThatIsTooSmallIsLeftAlone) {
  TestPeer peer("127.0.0.1:1", "lonely");
  char buffer[8] = "before";
  size_t needed = 0;
  EXPECT_EQ(atollFormatState(peer.comm(), buffer, sizeof buffer, &needed), atollInvalidArgument);
  EXPECT_GT(needed, sizeof buffer);
  EXPECT_STREQ(buffer, "before");
}

TEST(Dump, GoesToAFile) {
  const Folder folder;
  TestPeer peer("127.0.0.1:1", "lonely");
  const std::string path = folder.prefix() + "-mine.json";
  ASSERT_EQ(atollDumpState(peer.comm(), path.c_str()), atollSuccess) << atollGetLastError();
  EXPECT_EQ(parse_file(path).at("name"), "lonely");
  EXPECT_EQ(atollDumpState(peer.comm(), "/nowhere/at/all.json"), atollSystemError);
  EXPECT_NE(std::string(atollGetLastError()).find("/nowhere/at/all.json"), std::string::npos);
}

TEST(Dump, AFailedCallWritesAFileAndACancelledOneDoesNot) {
  const Folder folder;
  const std::string prefix = folder.prefix();
  TestRun run({"a b/c", "other"},
              [&](atollCommConfig_t& config) { config.dump_on_error = prefix.c_str(); });
  atollRequest_t request = nullptr;
  float value = 1;
  ASSERT_EQ(atollAllReduceAsync(&value, &value, 1, atollFloat32, atollSum, run[0].comm(), nullptr,
                                &request), atollSuccess);
  ASSERT_EQ(atollCancel(request), atollSuccess);
  EXPECT_EQ(atollWait(request, nullptr), atollCancelled);
  EXPECT_TRUE(folder.files().empty());
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.tag = 3;
  options.deadline_ms = 50;
  EXPECT_EQ(atollBarrier(run[0].comm(), &options), atollTimeout);
  const auto files = folder.files();
  ASSERT_EQ(files.size(), 1u);
  const std::string name = files[0].filename().string();
  EXPECT_EQ(name.rfind("state-a_b_c-" + std::to_string(getpid()) + "-", 0), 0u) << name;
  const Json state = parse_file(files[0]);
  EXPECT_EQ(state.at("name"), "a b/c");
  EXPECT_TRUE(has_event(state, "abort wanted"));
  EXPECT_TRUE(has_event(state, "op failed"));
}

TEST(Dump, ASignalWritesTheStateOfAllCommunicators) {
  const Folder folder;
  const std::string prefix = folder.prefix();
  TestRun run({"one", "two"},
              [&](atollCommConfig_t& config) { config.dump_on_error = prefix.c_str(); });
  ASSERT_EQ(atollInstallDumpSignal(SIGUSR2), atollSuccess) << atollGetLastError();
  ASSERT_EQ(atollInstallDumpSignal(SIGUSR2), atollSuccess) << "again";
  ASSERT_EQ(kill(getpid(), SIGUSR2), 0);
  ASSERT_TRUE(wait_until([&] { return folder.files().size() == 2; }));
  std::vector<std::string> names;
  for (const fs::path& file : folder.files()) names.push_back(parse_file(file).at("name"));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(atollInstallDumpSignal(SIGKILL), atollInvalidArgument);
}

TEST(CoordinatorStatus, IsJsonForWhoeverAsks) {
  TestRun run({"island-1", "island-2"});
  expect_all_reduce(run.all());
  size_t needed = 0;
  std::vector<char> text(1 << 20);
  ASSERT_EQ(atollGetCoordinatorStatus(run.address().c_str(), 30000, text.data(), text.size(),
                                      &needed), atollSuccess) << atollGetLastError();
  const Json status = Json::parse(text.data());
  EXPECT_EQ(status.at("peers").size(), 2u);
  EXPECT_EQ(status.at("peers").at(0).at("state"), "member");
  EXPECT_EQ(status.at("epoch"), run[0].view().epoch);
  EXPECT_EQ(status.at("counters").at("admissions"), 2);
  EXPECT_FALSE(status.at("events").empty());
  EXPECT_EQ(atollGetCoordinatorStatus("nonsense", 1000, text.data(), text.size(), &needed),
            atollInvalidArgument);
  EXPECT_EQ(atollGetCoordinatorStatus(run.address().c_str(), 0, text.data(), text.size(), &needed),
            atollInvalidArgument);
}

}  // namespace
}  // namespace atoll_test
