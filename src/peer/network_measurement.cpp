#include "peer/network_measurement.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <utility>

#include "topology/steady_rate.h"
#include "topology/tournament.h"

namespace atoll_core::peer {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kFirstBytes = 256u << 10;  // two seconds at 1 Mbit/s
constexpr uint64_t kBytesMax = 256u << 20;
constexpr uint64_t kPieceBytes = 2u << 20;  // of a peer, for all blocks of an all-gather
// Enough moments to tell a steady rate, and none waits for one whose packets were lost.
constexpr size_t kPiecesInFlight = 24;
constexpr Duration kLongEnough = 1500ms;  // many round trips of any way
constexpr Duration kAimedAt = 2500ms;

// The next amount; nothing when this one says enough.
std::optional<uint64_t> next_bytes(uint64_t bytes, int64_t nanoseconds) {
  const Duration took(nanoseconds);
  if (took >= kLongEnough || bytes >= kBytesMax) return std::nullopt;
  const double wanted = static_cast<double>(bytes) * std::chrono::duration<double>(kAimedAt) /
                        std::chrono::duration<double>(std::max<Duration>(took, 1us));
  const double more = std::max(wanted, 2.0 * static_cast<double>(bytes));
  return static_cast<uint64_t>(std::min(more, static_cast<double>(kBytesMax)));
}

// From how much each piece brought when.
std::vector<topology::Progress> moments_of(std::vector<topology::Progress> pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  std::vector<topology::Progress> moments = {{}};
  for (const auto& [at, bytes] : pieces) moments.push_back({at, moments.back().bytes + bytes});
  return moments;
}

}  // namespace

NetworkMeasurement::Load NetworkMeasurement::slower_of(const Load& one, const Load& other) {
  return {std::max(one.nanoseconds, other.nanoseconds),
          std::min(one.bytes_per_second, other.bytes_per_second)};
}

NetworkMeasurement::NetworkMeasurement(Session& session, View view, const CallOptions& options)
    : session_(session), view_(std::move(view)), options_(options),
      self_(session.snapshot().self), begun_(now()), sent_(kPieceBytes),
      received_(kPieceBytes * kPiecesInFlight) {
  // Nothing on the way can make it smaller.
  std::mt19937_64 random(self_.value);
  std::generate(sent_.begin(), sent_.end(), [&] { return static_cast<std::byte>(random()); });
}

Result<void> NetworkMeasurement::run() {
  const Result<void> measured = measure_members();
  if (measured) log_what_is_known();
  return measured;
}

void NetworkMeasurement::log_what_is_known() const {
  const auto report = session_.report(1s);
  if (!report) return;
  const auto say = [](uint64_t rate) {
    return rate == 0 ? "not known" : fmt::format("{:.1f} Mbit/s", static_cast<double>(rate) * 8e-6);
  };
  std::string rates = fmt::format("to all together {}", say(report->egress_bytes_per_second));
  for (const engine::LinkStatus& link : report->links) {
    rates += fmt::format(", to {} {} ({:.1f} ms)", link.peer.name, say(link.bytes_per_second),
                         static_cast<double>(link.rtt_us) / 1e3);
  }
  session_.logger().info("the network from {}: {}", report->self.name, rates);
}

Result<void> NetworkMeasurement::measure_members() {
  const std::vector<PeerId>& all = view_.slots;
  const auto members = static_cast<uint32_t>(all.size());
  const auto own = static_cast<uint32_t>(std::find(all.begin(), all.end(), self_) - all.begin());
  const uint32_t rounds = topology::tournament_rounds(members);
  for (uint32_t round = 0; round < rounds; ++round) {
    const auto other = topology::opponent(members, round, own);
    if (!other || !lives(all[*other])) continue;
    session_.logger().info("measuring the network: round {} of {}", round + 1, rounds);
    const Result<void> measured = measure_pair(all[*other]);
    if (measured) continue;
    if (!can_go_on(measured.error())) return measured;
    session_.logger().warn("measuring the network: {}", measured.error().message);
  }
  // Nobody disturbs the last pair.
  if (const auto met = barrier(); !met) return met;
  if (members < 3) return {};
  if (const auto measured = measure_all(); !measured) return measured;
  return barrier();
}

bool NetworkMeasurement::can_go_on(const Error& error) const {
  if (session_.left()) return false;
  return error.code == ErrorCode::kPeerLost || error.code == ErrorCode::kAborted;
}

bool NetworkMeasurement::lives(PeerId peer) const {
  const Snapshot now = session_.snapshot();
  return now.view && std::any_of(now.view->members.begin(), now.view->members.end(),
                                 [peer](const auto& member) { return member.id == peer; });
}

uint64_t NetworkMeasurement::known_rate(PeerId peer) const {
  const auto report = session_.report(1s);
  if (!report) return 0;
  for (const engine::LinkStatus& link : report->links) {
    // What traffic shows is rough.
    if (link.peer.id == peer && link.rate_measured) return link.bytes_per_second;
  }
  return 0;
}

Result<void> NetworkMeasurement::measure_pair(PeerId other) {
  const Note own{known_rate(other), {}};
  auto told = tell(other, own);
  if (!told) return tl::unexpected(told.error());
  if (own.known_bytes_per_second != 0 && told->known_bytes_per_second != 0) return {};
  std::optional<uint64_t> bytes = kFirstBytes;
  while (bytes) {
    const auto own_load = swap(other, *bytes);
    if (!own_load) return tl::unexpected(own_load.error());
    told = tell(other, {0, *own_load});
    if (!told) return tl::unexpected(told.error());
    const Load both = slower_of(*own_load, told->last);
    session_.note_rate(other, both.bytes_per_second);
    bytes = next_bytes(*bytes, both.nanoseconds);
  }
  return {};
}

Result<void> NetworkMeasurement::measure_all() {
  session_.logger().info("measuring the network: all at once");
  std::optional<uint64_t> bytes = kFirstBytes;
  while (bytes) {
    auto load = gather(*bytes);
    if (load) load = slowest(*load);
    if (!load) return tl::unexpected(load.error());
    session_.note_rate(std::nullopt, load->bytes_per_second * (view_.slots.size() - 1));
    bytes = next_bytes(*bytes, load->nanoseconds);
  }
  return {};
}

Result<NetworkMeasurement::Note> NetworkMeasurement::tell(PeerId other, Note own) {
  Note theirs;
  const auto bytes_of = [](Note& note) { return reinterpret_cast<std::byte*>(&note); };
  Calls calls;
  CollectiveCall call;
  call.kind = CollectiveKind::kSend;
  call.type = DataType::kUint64;
  call.root = self_, call.receiver = other;
  call.tensors = {{bytes_of(own), nullptr, sizeof(Note) / sizeof(uint64_t)}};
  start(calls, call);
  call.root = other, call.receiver = self_;
  call.tensors = {{nullptr, bytes_of(theirs), sizeof(Note) / sizeof(uint64_t)}};
  start(calls, std::move(call));
  if (const auto ended = wait(calls); !ended) return tl::unexpected(ended.error());
  return theirs;
}

Result<NetworkMeasurement::Load> NetworkMeasurement::swap(PeerId other, uint64_t bytes) {
  return load(bytes, kPieceBytes, [&](Calls& calls, uint64_t piece, std::byte* memory) {
    CollectiveCall call;
    call.kind = CollectiveKind::kSend;
    call.type = DataType::kUint8;
    call.root = self_, call.receiver = other;
    call.tensors = {{sent_.data(), nullptr, piece}};
    start(calls, call);
    call.root = other, call.receiver = self_;
    call.tensors = {{nullptr, memory, piece}};
    start(calls, std::move(call));
  });
}

Result<NetworkMeasurement::Load> NetworkMeasurement::gather(uint64_t bytes) {
  const std::vector<PeerId> owners = block_owners(view_, self_, CallGroup::kAll);
  const uint64_t most = std::max<uint64_t>(kPieceBytes / owners.size(), 1);
  return load(bytes, most, [&](Calls& calls, uint64_t piece, std::byte* memory) {
    CollectiveCall call;
    call.kind = CollectiveKind::kAllGather;
    call.type = DataType::kUint8;
    call.options.group = CallGroup::kAll;
    call.owners = owners;
    for (const PeerId owner : owners) {
      const std::byte* source = owner == self_ ? sent_.data() : nullptr;
      call.tensors.push_back({source, memory, piece});
      memory += piece;
    }
    start(calls, std::move(call));
  });
}

// Goes on after an error: the number of calls must be the same on all.
Result<NetworkMeasurement::Load> NetworkMeasurement::load(uint64_t bytes, uint64_t piece_max,
                                                          const Piece& begin) {
  const uint64_t piece = std::clamp<uint64_t>(bytes / kPiecesInFlight, 1, piece_max);
  const TimePoint begun = now();
  std::deque<std::pair<Calls, uint64_t>> in_flight;  // and its bytes
  std::vector<topology::Progress> ends;
  Result<void> all;
  const auto wait_for_oldest = [&] {
    const auto& [calls, size] = in_flight.front();
    const Result<void> ended = wait(calls);
    if (all && !ended) all = ended;
    TimePoint last = begun;
    for (const auto& call : calls) last = std::max(last, call->ended_at());
    ends.push_back({last - begun, size});
    in_flight.pop_front();
  };
  uint64_t place = 0;
  for (uint64_t left = bytes; left > 0; ++place) {
    if (in_flight.size() == kPiecesInFlight) wait_for_oldest();
    const uint64_t size = std::min(left, piece);
    in_flight.emplace_back(Calls(), size);
    std::byte* const memory = received_.data() + place % kPiecesInFlight * kPieceBytes;
    begin(in_flight.back().first, size, memory);
    left -= size;
  }
  while (!in_flight.empty()) wait_for_oldest();
  if (!all) return tl::unexpected<Error>(all.error());
  return Load{(now() - begun).count(), topology::steady_rate(moments_of(std::move(ends)))};
}

Result<NetworkMeasurement::Load> NetworkMeasurement::slowest(const Load& own) {
  // The least rate is the greatest of those below zero.
  const int64_t sent[] = {own.nanoseconds, -static_cast<int64_t>(own.bytes_per_second)};
  int64_t result[] = {sent[0], sent[1]};
  CollectiveCall call;
  call.type = DataType::kInt64;
  call.reduce = ReduceOp::kMax;
  call.options.group = CallGroup::kAll;
  call.tensors = {{reinterpret_cast<const std::byte*>(sent),
                   reinterpret_cast<std::byte*>(result), std::size(sent)}};
  Calls calls;
  start(calls, std::move(call));
  if (const auto ended = wait(calls); !ended) return tl::unexpected(ended.error());
  return Load{result[0], static_cast<uint64_t>(-result[1])};
}

Result<void> NetworkMeasurement::barrier() {
  CollectiveCall call;
  call.kind = CollectiveKind::kBarrier;
  call.options.group = CallGroup::kAll;
  Calls calls;
  start(calls, std::move(call));
  return wait(calls);
}

void NetworkMeasurement::start(Calls& calls, CollectiveCall call) {
  call.options.tag = options_.tag;
  if (options_.deadline != Duration{0}) {
    call.options.deadline = std::max<Duration>(begun_ + options_.deadline - now(), 1ms);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  calls.push_back(start_collective(session_, std::move(call), Caller::kGoesOn));
  std::erase_if(started_, [](const auto& one) { return one.expired(); });
  started_.push_back(calls.back());
  if (cancelled_) session_.cancel(calls.back()->id());
}

void NetworkMeasurement::cancel() {
  const std::lock_guard<std::mutex> lock(mutex_);
  cancelled_ = true;
  for (const auto& one : started_) {
    if (const auto call = one.lock()) session_.cancel(call->id());
  }
}

Result<void> NetworkMeasurement::wait(const Calls& calls) const {
  Result<void> all;
  for (const auto& call : calls) {
    const auto ended = call->wait();  // not to be cancelled: others of them use the same memory
    if (!ended && all) all = tl::unexpected<Error>(ended.error());
  }
  return all;
}

}  // namespace atoll_core::peer
