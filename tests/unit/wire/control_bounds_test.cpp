// What the decoder refuses, and with which sentence. Encoding checks nothing but sentences, so it
// can write all of these.
#include <functional>
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "unit/wire/random_messages.h"
#include "unit/wire/refusal_of.h"
#include "wire/control.h"
#include "wire/part_count.h"

namespace atoll_core::wire {
namespace {

using random_messages::any;
using random_messages::Random;

struct Case {
  std::string name;
  std::function<std::string(Random&)> refusal;
  std::string expected;
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

// A legal message of kind `Message`, made illegal by `spoil`.
template <class Message>
Case spoiled(std::string name, std::function<void(Message&)> spoil, std::string expected) {
  return {std::move(name),
          [spoil](Random& random) {
            auto message = any<Message>(random);
            spoil(message);
            return refusal_of(message);
          },
          std::move(expected)};
}

Case bad_peer(std::string name, std::function<void(PeerInfo&)> spoil, std::string expected) {
  return spoiled<Register>(
      std::move(name), [spoil](Register& m) { spoil(m.peer); }, std::move(expected));
}

Case bad_call(std::string name, std::function<void(CallDescription&)> spoil, std::string expected) {
  return spoiled<OpDone>(
      std::move(name), [spoil](OpDone& m) { spoil(m.call); }, std::move(expected));
}

template <class T>
void grow(std::vector<T>& out, size_t size) {
  Random random(size);
  while (out.size() < size) out.push_back(any<T>(random));
}

// One that is fine but for what a case does to it.
ViewDelta& delta_of(Updated& message) {
  ViewDelta& delta = message.delta.emplace();
  delta.instance = {1, 2};
  return delta;
}

std::vector<Case> peer_cases() {
  const std::string text129(129, 'x');
  return {
      bad_peer(
          "NameTooLong", [=](PeerInfo& p) { p.name = text129; },
          "register.peer.name has 129 bytes, at most 128 are allowed"),
      bad_peer(
          "ReplicaTooLong", [=](PeerInfo& p) { p.replica = text129; },
          "register.peer.replica has 129 bytes, at most 128 are allowed"),
      bad_peer(
          "NameNotUtf8", [](PeerInfo& p) { p.name = "isl\xFF"; },
          "register.peer.name is not printable UTF-8: byte 3 begins \"\\xff\""),
      bad_peer(
          "NameWithNewline", [](PeerInfo& p) { p.name = "a\nb"; },
          "register.peer.name is not printable UTF-8: byte 1 begins \"\\x0ab\""),
      bad_peer(
          "NoShards", [](PeerInfo& p) { p.shard_count = 0; },
          "register.peer.shard_count is 0, allowed are 1 to 1024"),
      bad_peer(
          "TooManyShards", [](PeerInfo& p) { p.shard_count = 1025; },
          "register.peer.shard_count is 1025, allowed are 1 to 1024"),
      bad_peer(
          "ShardOutside", [](PeerInfo& p) { p.shard = p.shard_count = 2; },
          "register.peer.shard is 2, allowed are 0 to 1"),
      bad_peer(
          "TooManyEndpoints", [](PeerInfo& p) { grow(p.endpoints, 17); },
          "register.peer.endpoints has 17 elements, at most 16 are allowed"),
      bad_peer(
          "PortZero",
          [](PeerInfo& p) {
            p.endpoints = {{"a", 1}, {"b", 0}};
          },
          "register.peer.endpoints[1].port is 0, allowed are 1 to 65535"),
      bad_peer(
          "HostEmpty",
          [](PeerInfo& p) {
            p.endpoints = {{"", 1}};
          },
          "register.peer.endpoints[0].host is empty"),
      bad_peer(
          "HostTooLong",
          [](PeerInfo& p) {
            p.endpoints = {{std::string(256, 'h'), 1}};
          },
          "register.peer.endpoints[0].host has 256 bytes, at most 255 are allowed"),
      spoiled<Register>(
          "RunTooLong", [=](Register& m) { m.run = text129; },
          "register.run has 129 bytes, at most 128 are allowed"),
      spoiled<Register>(
          "VersionsReversed", [](Register& m) { m.version_min = 3, m.version_max = 2; },
          "register.version_max is 2, allowed are 3 to 4294967295"),
      spoiled<Probe>(
          "ProbeOfNobody", [](Probe& m) { m.peer.id = {}; },
          "probe.peer names a peer without an id"),
  };
}

std::vector<Case> call_cases() {
  return {
      bad_call(
          "Kind", [](CallDescription& c) { c.kind = OpKind{11}; },
          "op_done.call.kind is 11, allowed are 0 to 10"),
      bad_call(
          "Type", [](CallDescription& c) { c.type = DataType{12}; },
          "op_done.call.type is 12, allowed are 0 to 11"),
      bad_call(
          "Reduce", [](CallDescription& c) { c.reduce = ReduceOp{8}; },
          "op_done.call.reduce is 8, allowed are 0 to 7"),
      bad_call(
          "Tensors", [](CallDescription& c) { c.tensors = 65537; },
          "op_done.call.tensors is 65537, allowed are 0 to 65536"),
      bad_call(
          "Count", [](CallDescription& c) { c.count = ~0ull; },
          "op_done.call.count is 18446744073709551615, allowed are 0 to 72057594037927936"),
      spoiled<OpDone>(
          "Group", [](OpDone& m) { m.op.group = 1024; },
          "op_done.op.group is 1024, which is no group"),
      spoiled<AbortRequest>(
          "ErrorCode", [](AbortRequest& m) { m.code = ErrorCode{999}; },
          "abort_request.code is the unknown error code 999"),
      spoiled<SettleReport>(
          "Phase",
          [](SettleReport& m) {
            grow(m.ops, 5);
            m.ops[4].phase = OpPhase{4};
          },
          "settle_report.ops[4].phase is 4, allowed are 0 to 3"),
      spoiled<LinkReport>(
          "LinkState", [](LinkReport& m) { m.state = LinkState{3}; },
          "link_report.state is 3, allowed are 0 to 2"),
      spoiled<LinkReport>(
          "LinkToNobody", [](LinkReport& m) { m.peer = {}; }, "link_report.peer names nobody"),
      spoiled<ProbeResult>(
          "Outcome", [](ProbeResult& m) { m.outcome = ProbeOutcome{200}; },
          "probe_result.outcome is 200, allowed are 0 to 2"),
      spoiled<SyncRequest>(
          "Strategy", [](SyncRequest& m) { m.state.strategy = SyncStrategy{3}; },
          "sync_request.state.strategy is 3, allowed are 0 to 2"),
  };
}

std::vector<Case> count_cases() {
  return {
      spoiled<UpdateRequest>(
          "Groups", [](UpdateRequest& m) { grow(m.groups, limits::kPositionGroups + 1); },
          "update_request.groups has 8197 elements"),
      spoiled<UpdateRequest>(
          "NamesInAGroup",
          [](UpdateRequest& m) { m.groups = {{0, limits::kCallPositions + 1, {}}}; },
          "update_request.groups[0].names is 65537, allowed are 1 to 65536"),
      spoiled<UpdateRequest>(
          "Receives", [](UpdateRequest& m) { grow(m.receives, limits::kOpsInFlight + 1); },
          "update_request.receives has 4097 elements"),
      spoiled<UpdateRequest>(
          "OpenReceives",
          [](UpdateRequest& m) { m.receives = {{0, limits::kOpsInFlight + 1, 0}}; },
          "update_request.receives[0].open is 4097, allowed are 0 to 4096"),
      spoiled<OpDone>(
          "Blocks", [](OpDone& m) { m.call.counts.assign(limits::kPeers + 1, 1); },
          "op_done.call.counts has 4097 elements"),
      spoiled<OpDone>(
          "Block", [](OpDone& m) { m.call.counts = {0, limits::kElements + 1}; },
          "op_done.call.counts is 72057594037927937, allowed are 0 to 72057594037927936"),
      spoiled<Positions>(
          "Positions", [](Positions& m) { grow(m.positions, 65537); },
          "positions.positions has 65537 elements"),
      spoiled<Register>(
          "Held", [](Register& m) { grow(m.memory.held, limits::kHeldRevisions + 1); },
          "register.memory.held has 65 elements"),
      spoiled<SettleReport>(
          "Ops", [](SettleReport& m) { grow(m.ops, 65537); },
          "settle_report.ops has 65537 elements"),
      spoiled<SyncRequest>(
          "Tensors", [](SyncRequest& m) { grow(m.state.tensors, 65537); },
          "sync_request.state.tensors has 65537 elements"),
      spoiled<OpWaiting>(
          "Missing", [](OpWaiting& m) { grow(m.missing, 4097); },
          "op_waiting.missing has 4097 elements"),
      spoiled<Roster>(
          "Roster", [](Roster& m) { grow(m.peers, 4097); }, "roster.peers has 4097 elements"),
      spoiled<Updated>(
          "Added", [](Updated& m) { grow(delta_of(m).added, 4097); },
          "updated.delta.added has 4097 elements"),
      spoiled<Updated>(
          "Removed", [](Updated& m) { grow(delta_of(m).removed, 4097); },
          "updated.delta.removed has 4097 elements"),
      spoiled<OpVerdict>(
          "Contributors", [](OpVerdict& m) { grow(m.verdict.contributors, 4097); },
          "op_verdict.verdict.contributors has 4097 elements"),
      spoiled<SyncPlan>(
          "Holders", [](SyncPlan& m) { grow(m.holders, 4097); },
          "sync_plan.holders has 4097 elements"),
      spoiled<Settled>(
          "Verdicts", [](Settled& m) { grow(m.verdicts, 65537); },
          "settled.verdicts has 65537 elements"),
  };
}

Case bad_plan(std::string name, std::function<void(topology::Plan&)> spoil, std::string expected) {
  return {std::move(name),
          [spoil](Random& random) {
            auto message = any<Updated>(random);
            ViewDelta& delta = delta_of(message);
            grow(delta.added, 3);
            spoil(delta.plan.emplace(topology::make_plan(3)));
            return refusal_of(message);
          },
          "updated.delta.plan" + expected};
}

// Of two members.
template <class Spoil>
std::function<void(Register&)> spoiled_rejoin(Spoil spoil) {
  return [spoil](Register& m) {
    Rejoin& rejoin = m.rejoin.emplace();
    rejoin.view.instance = {1, 2};
    for (uint32_t i = 0; i < 2; ++i) {
      PeerInfo& member = rejoin.view.members.emplace_back();
      member.id = {i + 1};
      member.session = {7, i};
      member.replica = i == 0 ? "left" : "right";
      member.shard_count = 1;
      member.slot = i;
      rejoin.view.slots.push_back(member.id);
    }
    rejoin.view.plan = topology::make_plan(2);
    spoil(rejoin);
  };
}

std::vector<Case> plan_cases() {
  return {
      bad_plan(
          "RingTooLong", [](auto& p) { p.ring.resize(4097); }, ".ring has 4097 elements"),
      bad_plan(
          "SharesTooLong", [](auto& p) { p.shares.resize(4097); }, ".shares has 4097 elements"),
      bad_plan(
          "ChoicesTooLong", [](auto& p) { p.choices.resize(65); },
          ".choices_below has 65 elements"),
      bad_plan(
          "AlgorithmUnknown", [](auto& p) { p.choices[0].algorithm = topology::Algorithm{5}; },
          ".choices_algorithm is 5, allowed are 0 to 4"),
      bad_plan(
          "AlgorithmAuto", [](auto& p) { p.choices[0].algorithm = topology::Algorithm::kAuto; },
          " does not fit: a plan chooses the unknown algorithm 0"),
      bad_plan(
          "MemberTwice", [](auto& p) { p.ring = {0, 1, 1}; },
          " does not fit: member 1 is twice in the plan's ring"),
      bad_plan(
          "ForOthers", [](auto& p) { p = topology::make_plan(4); },
          " does not fit: a plan for 3 members has a ring of 4"),
      bad_plan(
          "SharesTooLarge", [](auto& p) { p.shares = {1, 1, 1u << 16}; },
          " does not fit: the plan's shares add up to 65538"),
      bad_plan(
          "ChunksTooSmall", [](auto& p) { p.pipelining.chunk_bytes = 1; },
          " does not fit: a plan has chunks of 1 bytes"),
      bad_plan(
          "HubOutside", [](auto& p) { p.hub = 3; },
          " does not fit: the plan's hub is member 3 of 3"),
      spoiled<Updated>(
          "NoPlan",
          [](Updated& m) {
            delta_of(m);
          },
          "updated.delta.plan is missing"),
      spoiled<Register>(
          "OfAView", spoiled_rejoin([](Rejoin& r) { r.view.plan = topology::make_plan(3); }),
          "register.rejoin.view.plan does not fit: a plan for 2 members has a ring of 3"),
      spoiled<Register>(
          "OfAGeneration",
          spoiled_rejoin([](Rejoin& r) { r.generations = {{{}, {}, {}, topology::make_plan(1)}}; }),
          "register.rejoin.generations[0].plan does not fit: a plan for 0 members"),
      spoiled<LinkReport>(
          "RoundTrip", [](LinkReport& m) { m.rtt_us = limits::kRoundTripMicroseconds + 1; },
          "link_report.rtt_us is 120000001, allowed are 0 to 120000000"),
      spoiled<Measured>(
          "Paths", [](Measured& m) { grow(m.paths, 4097); }, "measured.paths has 4097 elements"),
      spoiled<Measured>(
          "Rate",
          [](Measured& m) {
            m.paths = {{PeerId{1}, 0}};
          },
          "measured.paths[0].bytes_per_second is 0"),
      spoiled<Measured>(
          "Egress", [](Measured& m) { m.egress_bytes_per_second = limits::kBytesPerSecond + 1; },
          "measured.egress_bytes_per_second is 1000000000001"),
  };
}

// Lists of a status are shorter than they could be: it is for people.
std::vector<Case> status_cases() {
  return {
      spoiled<Status>(
          "Peers", [](Status& m) { grow(m.peers, 4097); }, "status.peers has 4097 elements"),
      spoiled<Status>("Ops", [](Status& m) { grow(m.ops, 257); }, "status.ops has 257 elements"),
      spoiled<Status>(
          "Events", [](Status& m) { grow(m.events, 65); }, "status.events has 65 elements"),
      spoiled<Status>(
          "Waits", [](Status& m) { m.waits.resize(limits::kWaitsPerStatus + 1); },
          "status.waits has 65 elements"),
      spoiled<Status>(
          "Done",
          [](Status& m) {
            m.ops.resize(1);
            grow(m.ops[0].done, 65);
          },
          "status.ops[0].done has 65 elements"),
      spoiled<Status>(
          "Awaited",
          [](Status& m) {
            m.ops.resize(1);
            grow(m.ops[0].awaited, 65);
          },
          "status.ops[0].awaited has 65 elements"),
      spoiled<Status>(
          "Standing",
          [](Status& m) {
            grow(m.peers, 1);
            m.peers[0].standing = PeerStanding{3};
          },
          "status.peers[0].standing is 3, allowed are 0 to 2"),
      spoiled<Status>(
          "Nobody",
          [](Status& m) {
            grow(m.peers, 1);
            m.peers[0].peer.id = {};
          },
          "status.peers[0].peer"),
  };
}

class ControlBounds : public ::testing::TestWithParam<Case> {};

TEST_P(ControlBounds, AreNamedInTheRefusal) {
  Random random(5);
  EXPECT_THAT(GetParam().refusal(random), ::testing::StartsWith(GetParam().expected));
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Peer, ControlBounds, ::testing::ValuesIn(peer_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Call, ControlBounds, ::testing::ValuesIn(call_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Count, ControlBounds, ::testing::ValuesIn(count_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Plan, ControlBounds, ::testing::ValuesIn(plan_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Status, ControlBounds, ::testing::ValuesIn(status_cases()), case_name);

TEST(ControlSentence, IsMadeFitWhenEncoded) {
  const std::string reason = "broken\npipe \xC3" + std::string(3000, 'x');
  const auto decoded = decode_to_coordinator(encode(ToCoordinator(Leave{reason})));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  const std::string& kept = std::get<Leave>(*decoded).reason;
  EXPECT_EQ(kept.size(), limits::kSentenceBytes);
  EXPECT_THAT(kept, ::testing::StartsWith("broken pipe ?xxx"));
}

TEST(ControlSentence, OfAnotherSenderIsRefusedWhenTooLong) {
  // Leave (field 18) with a reason (field 1) of 2049 bytes.
  const std::string body = "\x0A\x81\x10" + std::string(2049, 'x');
  const std::string bytes = "\x92\x01\x84\x10" + body;
  const auto decoded = decode_to_coordinator(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message, "leave.reason has 2049 bytes, at most 2048 are allowed");
}

TEST(ControlDuration, ForEverIsClamped) {
  Registered forever;
  forever.peer = PeerId{7};
  forever.heartbeat_interval_ms = ~0ull;
  forever.peer_timeout_ms = 5000;
  const auto decoded = decode_to_peer(encode(ToPeer(forever)));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  const auto& registered = std::get<Registered>(*decoded);
  EXPECT_LT(registered.heartbeat_interval_ms, 9'000'000'000'000u);
  EXPECT_EQ(registered.peer_timeout_ms, 5000u);
}

TEST(ControlParts, MissingOnesAreNamed) {
  const std::string empty_op_done("\xB2\x01\x00", 3);  // field 22, an empty message
  const auto decoded = decode_to_coordinator(empty_op_done);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message, "op_done.op is missing");
}

// ---- bombs: few bytes, much memory -------------------------------------------------------------

// Field `number`, which must be 16 to 31, as a message with `body`.
std::string as_field(uint32_t number, const std::string& body) {
  std::string bytes = {static_cast<char>(0x82 + ((number - 16) << 3)), '\x01'};
  size_t length = body.size();
  for (; length >= 0x80; length >>= 7) bytes.push_back(static_cast<char>(length | 0x80));
  bytes.push_back(static_cast<char>(length));
  return bytes + body;
}

TEST(ControlBomb, MillionsOfEmptyPartsAreRefusedUnparsed) {
  const std::string empty_op = as_field(16, "");
  std::string ops;
  for (size_t i = 0; i <= limits::kPartsPerMessage; ++i) ops += empty_op;
  const auto decoded = decode_to_coordinator(as_field(25, ops));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message,
            "a control message has more than 524288 parts, or they nest deeper than 8");
}

TEST(ControlBomb, PartsHiddenInUnknownFieldsAreCountedToo) {
  std::string nested;
  for (int depth = 0; depth <= limits::kPartDepth; ++depth) nested = as_field(31, nested);
  EXPECT_FALSE(check_part_count(nested).has_value());
  EXPECT_FALSE(decode_to_peer(nested).has_value());
}

TEST(ControlBomb, AFullSettleReportIsNoBomb) {
  SettleReport report;
  grow(report.ops, limits::kOpsPerReport);
  const std::string bytes = encode(ToCoordinator(report));
  EXPECT_LE(bytes.size(), limits::kControlMessageBytes);
  const auto decoded = decode_to_coordinator(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_TRUE(std::get<SettleReport>(*decoded) == report);
}

TEST(ControlBomb, AMessageOverTheLimitIsRefusedUnparsed) {
  const auto decoded = decode_to_peer(std::string(limits::kControlMessageBytes + 1, 'x'));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message,
            "a control message has 16777217 bytes, at most 16777216 are allowed");
}

// Years mean for ever.
TEST(ControlBounds, LongTimesAreCappedWhenTheyAreSent) {
  Registered message;
  message.peer = PeerId{1};
  message.heartbeat_interval_ms = ~uint64_t{0};
  message.peer_timeout_ms = limits::kMilliseconds + 1;
  const auto decoded = decode_to_peer(encode(ToPeer(message)));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  const auto& came = std::get<Registered>(*decoded);
  EXPECT_EQ(came.heartbeat_interval_ms, limits::kMilliseconds);
  EXPECT_EQ(came.peer_timeout_ms, limits::kMilliseconds);
}

}  // namespace
}  // namespace atoll_core::wire
