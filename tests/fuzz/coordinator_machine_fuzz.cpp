// Well-formed messages of a few peers, in any order, to the real coordinator machine: of peers that
// do as they should, that lie, that come back, that say things twice. Looked for are crashes,
// broken invariants, hangs, and answers that no peer could read.
//
// An input is a series of choices (choices.h): a configuration, then what happens. Some events are
// what honest peers would do all together, so that views, calls and settle rounds come about.
#include <cstdlib>
#include <optional>
#include <set>
#include <string_view>

#include "base/canary.h"
#include "base/limits.h"
#include "fuzz/choices.h"
#include "fuzz/fuzz_check.h"
#include "fuzz/vocabulary.h"
#include "membership/common/control_session.h"
#include "membership/common/view_delta.h"
#include "membership/coordinator/coordinator_machine.h"

namespace atoll_core::fuzz {
namespace {

using membership::ConnectionId;
using membership::CoordinatorConfig;
using membership::CoordinatorMachine;
using membership::CoordinatorOutput;
using std::chrono::milliseconds;

constexpr size_t kPlaces = 4;

CoordinatorConfig configuration(Choices& choices) {
  CoordinatorConfig config;
  config.run = "run";
  config.min_replicas = static_cast<uint32_t>(1 + choices.below(2));
  config.accept_lower_revision = choices.rarely();
  if (choices.rarely()) config.start.delay = milliseconds(2000);
  if (choices.rarely()) config.start.instance = {5, 5};
  config.start.only_instance = config.start.instance && choices.coin();
  return config;
}

// What one peer, honest or not, knows of itself.
struct Place {
  wire::PeerInfo info;
  ConnectionId connection;      // 0: none
  uint64_t received = 0;        // numbered messages
  uint64_t updates = 0;         // that have ended in its generation
  std::optional<uint64_t> asked;  // the least update that it has asked for since the last answer
  std::optional<wire::Freeze> freeze;  // not answered
  bool tells = false;           // is asked for its positions, and has not told
  bool member = false;
};

class Stage {
 public:
  Stage(const uint8_t* data, size_t size)
      : choices_(data, size),
        words_(choices_, truth_),
        shards_(1 + choices_.below(2)),
        machine_(configuration(choices_), {static_cast<uint32_t>(1 + choices_.below(2)), 42}),
        answers_freezes_(!choices_.rarely()) {
    for (size_t i = 0; i < kPlaces; ++i) {
      wire::PeerInfo& info = places_[i].info;
      info.session = {7, i + 1};
      info.name = std::string(1, static_cast<char>('a' + i));
      info.shard_count = static_cast<uint32_t>(shards_);
      info.shard = static_cast<uint32_t>(i % shards_);
      info.replica = "replica-" + std::to_string(i / shards_);
      info.endpoints = {{"10.0.0.1", static_cast<uint16_t>(1 + i)}};
      info.id = {(uint64_t{1} << 32) + i + 1};
      truth_.peers.push_back(info);
    }
  }

  void play() {
    constexpr size_t kEventsMax = 400;
    for (size_t i = 0; i < kEventsMax && !choices_.over(); ++i) {
      happen();
      if (choices_.rarely()) continue;  // more comes before the outputs are taken
      drain();
    }
    drain();
    (void)machine_.status();
    all_go();
  }

 private:
  void happen() {
    Place& place = places_[choices_.below(kPlaces)];
    if (std::exchange(place.tells, false)) say(place, wire::Positions{{{0, 1, 1}}});
    switch (choices_.below(16)) {
      case 0: return say(place, newcomer(place), true);
      case 1: return say(place, claim(place), true);
      case 2: return all_come();
      case 3: return all_link();
      case 4: return all_update();
      case 5: return all_call();
      case 6: return all_claim();
      case 7: return all_sync();
      case 8: return answer_freeze(place);
      case 9: return say(place, resume(place), true);
      case 10: return pass();
      case 11: return lose(place);
      case 12: return say(place, update_of(place));
      default: return say(place, anything(place));
    }
  }

  // ---- how peers speak

  void connect(Place& place) {
    place.connection = {++last_connection_};
    place.received = 0;
    open_.insert(place.connection);
    machine_.on_connected(now_, place.connection, place.info.name + "'s address");
  }

  // As the service does: what does not decode is garbage, and the connection goes.
  void say(Place& place, const wire::ToCoordinator& message, bool anew = false) {
    if (open_.count(place.connection) == 0 || anew) connect(place);
    Result<wire::ToCoordinator> heard = wire::decode_to_coordinator(wire::encode(message));
    if (heard) {
      note_claimed(*heard);
      machine_.on_message(now_, place.connection, std::move(*heard));
    } else {
      machine_.on_garbage(now_, place.connection, heard.error());
    }
  }

  void note_claimed(const wire::ToCoordinator& message) {
    const auto* hello = std::get_if<wire::Register>(&message);
    if (hello == nullptr || !hello->rejoin || hello->rejoin->updates > limits::kCounts) return;
    ended_ = std::max(ended_, hello->rejoin->updates);
  }

  void lose(Place& place) {
    if (open_.erase(place.connection) == 0) return;
    machine_.on_disconnected(now_, place.connection, "connection reset");
  }

  wire::Register newcomer(Place& place) {
    wire::Register hello;
    hello.peer = choices_.rarely() ? words_.changed(place.info) : place.info;
    if (choices_.rarely()) hello.memory = words_.memory();
    if (choices_.rarely()) hello.coordinators = static_cast<uint32_t>(choices_.below(3) + 1);
    if (choices_.rarely()) hello.run = choices_.coin() ? "run" : "walk";
    return hello;
  }

  wire::Register claim(Place& place) {
    wire::Register hello = newcomer(place);
    hello.rejoin = words_.rejoin();
    hello.memory.instance = hello.rejoin->view.instance;
    if (choices_.rarely()) hello.memory = words_.memory();
    return hello;
  }

  wire::Resume resume(Place& place) {
    wire::Resume hello{place.info.session, truth_.incarnation, place.received, 1, {}};
    if (choices_.rarely()) hello.session = words_.session();
    if (choices_.rarely()) hello.incarnation = words_.incarnation();
    if (choices_.coin()) hello.received = choices_.number();
    if (choices_.coin()) hello.repeats_from = choices_.number();
    return hello;
  }

  wire::UpdateRequest update_of(Place& place) {
    wire::UpdateRequest request;
    uint64_t number = place.updates;
    if (place.member) request.epoch = truth_.epoch;
    if (choices_.rarely()) {
      request.epoch = words_.epoch();
      number = choices_.number();
      request.groups = wire::summary_of(words_.some<wire::CallPosition>(2, [this] {
        return wire::CallPosition{words_.group(), words_.tag(), choices_.number()};
      }));
    }
    place.asked = place.asked ? std::min(*place.asked, number) : number;
    request.number = number;
    return request;
  }

  void answer_freeze(Place& place) {
    if (!place.freeze) return say(place, wire::SettleReport{truth_.round, report_ops()});
    const uint64_t round = place.freeze->round;
    place.freeze.reset();
    say(place, wire::SettleReport{round, choices_.coin() ? report_ops()
                                                         : std::vector<wire::OpReport>{}});
  }

  std::vector<wire::OpReport> report_ops() {
    return words_.some<wire::OpReport>(3, [this] { return words_.op_report(); });
  }

  wire::ToCoordinator anything(Place& place) {
    switch (choices_.below(18)) {
      case 0: return wire::PeerHeartbeat{choices_.number(), choices_.number()};
      case 1: return wire::Leave{words_.sentence(), choices_.coin()};
      case 2: return wire::LinkReport{words_.peer(), choices_.any_up_to(
                                      wire::LinkState::kUnreachable), words_.sentence(),
                                      choices_.number() >> 40, choices_.coin()};
      case 3: return wire::ProbeResult{words_.peer(), words_.session(), choices_.any_up_to(
                                       wire::ProbeOutcome::kSilent), words_.sentence()};
      case 4: return wire::OpDone{words_.op(), words_.epoch(), words_.call()};
      case 5: return wire::OpWaiting{words_.op(), words_.epoch(), words_.call(),
                                     words_.some_peers(), choices_.number() >> 32};
      case 6: return wire::AbortRequest{words_.op(), words_.epoch(), words_.call(),
                                        words_.error_code(), words_.sentence()};
      case 7: return wire::SettleReport{choices_.coin() ? truth_.round : choices_.number(),
                                        report_ops()};
      case 8: return wire::SyncRequest{words_.op(), words_.epoch(), words_.state()};
      case 9: return wire::SyncDone{words_.op(), words_.epoch()};
      case 10: return wire::Ended{words_.some<wire::Watermark>(3, [this] {
                 return words_.mark();
               })};
      case 11: return wire::FollowState{words_.tag(), choices_.number(), words_.digest(),
                                        choices_.coin(), words_.committed()};
      case 12: return wire::Measured{words_.some<wire::Measured::Path>(3, [this] {
                 return wire::Measured::Path{words_.peer(), 1 + (choices_.number() >> 24)};
               }), choices_.number() >> 24};
      case 13: return wire::StatusRequest{};
      case 14: return newcomer(place);
      case 15: return resume(place);
      case 16: return wire::UpdateWaiting{};
      default: return update_of(place);
    }
  }

  // ---- what peers do together

  bool here(const Place& place) const { return open_.count(place.connection) != 0; }
  size_t how_many() { return kPlaces - choices_.below(kPlaces); }

  void all_come() {
    for (size_t i = 0, end = how_many(); i < end; ++i) {
      if (!here(places_[i])) say(places_[i], newcomer(places_[i]));
    }
    drain();
  }
  void all_link() {
    for (Place& place : places_) {
      for (const Place& other : places_) {
        if (&place == &other || !here(place) || !here(other)) continue;
        say(place, wire::LinkReport{other.info.id, wire::LinkState::kUp, "", 100, false});
      }
    }
  }
  void all_update() {
    for (Place& place : places_) {
      if (here(place)) say(place, update_of(place));
    }
  }
  // Members of a run that this coordinator does not know.
  void all_claim() {
    const wire::Rejoin rejoin = words_.rejoin();
    for (size_t i = 0, end = how_many(); i < end; ++i) {
      wire::Register hello;
      hello.peer = places_[i].info;
      hello.rejoin = choices_.rarely() ? words_.rejoin() : rejoin;
      hello.memory.instance = hello.rejoin->view.instance;
      say(places_[i], hello, true);
    }
  }
  void all_call() {
    const OpId op = words_.op();
    const Epoch epoch = words_.epoch();
    const wire::CallDescription call = words_.call();
    for (size_t i = 0, end = how_many(); i < end; ++i) {
      if (here(places_[i])) say(places_[i], wire::OpDone{op, epoch, call});
    }
    if (choices_.coin()) return;
    for (Place& place : places_) {
      const wire::Watermark mark{op.generation, op.group, op.tag, op.sequence + 1};
      if (here(place)) say(place, wire::Ended{{mark}});
    }
  }
  void all_sync() {
    OpId op = words_.op();
    op.group = kGroupAll;
    const Epoch epoch = words_.epoch();
    const wire::StateSummary state = words_.state();
    const size_t end = how_many();
    for (size_t i = 0; i < end; ++i) {
      const bool differs = choices_.rarely();
      if (!here(places_[i])) continue;
      say(places_[i], wire::SyncRequest{op, epoch, differs ? words_.state() : state});
    }
    if (choices_.coin()) return;
    for (size_t i = 0; i < end; ++i) {
      if (here(places_[i])) say(places_[i], wire::SyncDone{op, epoch});
    }
  }

  // ---- time

  void pass() {
    constexpr std::array<int64_t, 8> kSteps = {100, 1, 500, 1600, 2400, 6000, 20000, 3600000};
    now_ += milliseconds(kSteps[choices_.below(kSteps.size())]);
    if (choices_.coin()) {
      const TimePoint next = machine_.next_deadline();
      if (next != kNever && next > now_) now_ = next;
    }
    drain();
    // Whoever runs it ticks until the next deadline is in the future.
    constexpr int kTicksMax = 16;
    int ticks = 0;
    for (; machine_.next_deadline() <= now_; ++ticks) {
      FUZZ_CHECK(ticks < kTicksMax);
      machine_.tick(now_);
      drain();
    }
  }

  // Nobody comes back: nothing is kept of any peer.
  void all_go() {
    for (const ConnectionId connection : std::set<ConnectionId>(open_)) {
      machine_.on_disconnected(now_, connection, "connection reset");
    }
    open_.clear();
    drain();
    for (int second = 0; second < 40; ++second) {
      now_ += milliseconds(1000);
      machine_.tick(now_);
      drain();
    }
    const membership::TableSizes sizes = machine_.table_sizes();
    for (const char* name : {"visitors", "claims", "roster", "links", "failed links", "network",
                             "ops", "syncs", "marks", "updates", "rounds", "gone", "causes"}) {
      if (sizes.at(name) == 0) continue;
      throw Finding(std::string("nobody is there any more, but something is kept of them: ") +
                    name);
    }
  }

  // ---- what the machine says

  void drain() {
    constexpr int kTurnsMax = 8;
    for (int turn = 0; turn < kTurnsMax; ++turn) {
      const CoordinatorOutput output = machine_.take_output();
      constexpr size_t kItemsMax = 4096;
      FUZZ_CHECK(output.items.size() < kItemsMax);
      told_.clear();
      answers_ = 0;
      for (const auto& item : output.items) {
        if (const auto* send = std::get_if<CoordinatorOutput::Send>(&item)) carry_out(*send);
        if (const auto* close = std::get_if<CoordinatorOutput::Close>(&item)) {
          open_.erase(close->connection);
        }
      }
      check_answers();
      if (!answer_all_freezes()) return;
    }
  }

  // False: there is none.
  bool answer_all_freezes() {
    bool any = false;
    for (Place& place : places_) {
      if (!answers_freezes_ || !place.freeze || !here(place)) continue;
      any = true;
      say(place, wire::SettleReport{place.freeze->round, {}});
      place.freeze.reset();
    }
    return any;
  }

  void carry_out(const CoordinatorOutput::Send& send) {
    FUZZ_CHECK(send.connection.value != 0 && send.connection.value <= last_connection_);
    const std::string bytes = wire::encode(send.message);
    FUZZ_CHECK(bytes.size() <= limits::kControlMessageBytes);
    const Result<wire::ToPeer> heard = wire::decode_to_peer(bytes);
    if (!heard) {
      throw Finding("the peer cannot read " + std::string(wire::name_of(send.message)) + ": " +
                    heard.error().message);
    }
    const auto* updated = std::get_if<wire::Updated>(&*heard);
    const bool answers = updated != nullptr ? !updated->delta
                                            : std::holds_alternative<wire::UpdateFailed>(*heard);
    if (answers) ++answers_;
    for (size_t i = 0; i < kPlaces; ++i) {
      if (places_[i].connection != send.connection || !here(places_[i])) continue;
      std::visit([&](const auto& typed) { hear(i, typed); }, *heard);
      if (membership::is_numbered(*heard)) ++places_[i].received;
    }
  }

  template <class Other>
  void hear(size_t, const Other&) {}
  void hear(size_t at, const wire::Registered& message) {
    Place& place = places_[at];
    place.info.id = truth_.peers[at].id = message.peer;
    place.received = 0;
    place.member = message.member;
    truth_.incarnation = message.incarnation;
  }
  // What follows may be repeated: a peer that lies about how much it has received hears twice how
  // its update ended.
  void hear(size_t at, const wire::Resumed&) { places_[at].asked.reset(); }
  void hear(size_t at, const wire::TellPositions&) { places_[at].tells = true; }
  void hear(size_t at, const wire::Freeze& message) {
    places_[at].freeze = message;
    truth_.round = message.round;
  }
  void hear(size_t at, const wire::Settled& message) {
    places_[at].freeze.reset();
    if (message.delta) hear_view(at, *message.delta);
  }
  void hear(size_t at, const wire::Updated& message) {
    if (message.delta) {
      places_[at].asked.reset();
      return hear_view(at, *message.delta);
    }
    told_.insert(at);
    ++places_[at].updates;
  }
  void hear(size_t at, const wire::UpdateFailed&) {
    told_.insert(at);
    ++places_[at].updates;
  }
  void hear_view(size_t at, const wire::ViewDelta& delta) {
    Place& place = places_[at];
    place.member = true;
    if (delta.generation != truth_.generation) {
      for (Place& other : places_) other.updates = 0;
    }
    truth_.instance = delta.instance;
    truth_.epoch = delta.epoch;
    truth_.generation = delta.generation;
    truth_.members.clear();
    for (Place& other : places_) {
      if (other.member && here(other)) truth_.members.push_back(other.info);
    }
  }

  // An update ends for all members at once. Who lost that answer may ask again, and gets it alone;
  // but not who asks for an update that has not ended, as far as the machine has seen or was told.
  void check_answers() {
    if (answers_ == 0) return;
    size_t members = 0;
    for (const membership::CoordinatorStatus::Peer& peer : machine_.status().peers) {
      if (peer.standing != "pending") ++members;
    }
    const bool ended = answers_ >= members;
    if (ended) ++ended_;
    for (const size_t at : told_) {
      const std::optional<uint64_t> asked = std::exchange(places_[at].asked, std::nullopt);
      FUZZ_CHECK(ended || !asked || *asked < ended_);
    }
  }

  Choices choices_;
  Truth truth_;
  Vocabulary words_;
  size_t shards_;
  CoordinatorMachine machine_;
  bool answers_freezes_;
  std::array<Place, kPlaces> places_;
  std::set<ConnectionId> open_;
  std::set<size_t> told_;  // how their update ended, in these outputs
  size_t answers_ = 0;     // so many there were, also to who is not at its place any more
  uint64_t ended_ = 0;     // updates, at most
  uint64_t last_connection_ = 0;
  TimePoint now_{std::chrono::hours(1)};
};

}  // namespace
}  // namespace atoll_core::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atoll_core::fuzz::Stage(data, size).play();
  return 0;
}
