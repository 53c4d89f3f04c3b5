// The few names that the messages of a fuzzed run are made of. With random ids nothing would ever
// fit what was said before; with these, wrong, repeated and extreme ones come up, and right ones
// more often.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/choices.h"
#include "membership/common/update_tag.h"
#include "topology/plan.h"
#include "wire/control.h"

namespace atoll_core::fuzz {

// What is true of the run, as far as whoever speaks has heard.
struct Truth {
  InstanceId instance{5, 5};
  Incarnation incarnation{1, 42};
  Epoch epoch{{1, 42}, 1};
  Generation generation{{{1, 42}, 1}};
  uint64_t round = 1;
  std::vector<wire::PeerInfo> peers;    // all that take part, in order of their places
  std::vector<wire::PeerInfo> members;  // of the view
};

class Vocabulary {
 public:
  Vocabulary(Choices& choices, const Truth& truth) : choices_(choices), truth_(truth) {}

  Incarnation incarnation() {
    if (!choices_.rarely()) return truth_.incarnation;
    const auto counter = static_cast<uint32_t>(choices_.number());
    return {counter, choices_.coin() ? 42u : 43u};
  }
  InstanceId instance() {
    return choices_.rarely() ? InstanceId{6, choices_.number() | 1} : truth_.instance;
  }
  Epoch epoch() { return differs(truth_.epoch); }
  Generation generation() { return {differs(truth_.generation.first)}; }
  const wire::PeerInfo& somebody() { return truth_.peers[choices_.below(truth_.peers.size())]; }
  PeerId peer() {
    return choices_.rarely() ? PeerId{choices_.number() | 1} : PeerId{somebody().id.value | 1};
  }
  std::vector<PeerId> some_peers() {
    std::vector<PeerId> peers(choices_.below(5));
    for (PeerId& one : peers) one = peer();
    return peers;
  }
  SessionId session() {
    return choices_.rarely() ? SessionId{7, choices_.number() | 1} : somebody().session;
  }
  std::string sentence() { return choices_.coin() ? "because" : ""; }
  ErrorCode error_code() {
    constexpr std::array kCodes = {
        ErrorCode::kAborted,  ErrorCode::kMismatch, ErrorCode::kPeerLost,  ErrorCode::kTimeout,
        ErrorCode::kEvicted,  ErrorCode::kSuccess,  ErrorCode::kCancelled, ErrorCode::kRootLost,
        ErrorCode::kCoordinatorUnreachable};
    return kCodes[choices_.below(kCodes.size())];
  }
  Group group() {
    constexpr std::array<Group, 7> kGroups = {
        0, kGroupAll, kGroupAlone, kGroupReplica, kGroupPair, 1, kGroupAlone + 1};
    const size_t choice = choices_.below(kGroups.size() + 1);
    if (choice < 7 && kGroups[choice] != kGroupPair) return kGroups[choice];
    const auto from = static_cast<uint32_t>(choices_.below(4));
    return pair_group({from, (from + 1 + static_cast<uint32_t>(choices_.below(3))) % 4});
  }
  uint64_t tag() { return choices_.rarely() ? choices_.number() : choices_.below(3); }
  OpId op() { return {generation(), group(), tag(), choices_.number()}; }
  wire::ContentDigest digest() { return {1, choices_.below(3)}; }
  wire::CallDescription call();
  wire::OpReport op_report();
  wire::Verdict verdict();
  wire::Watermark mark() { return {generation(), group(), tag(), choices_.number()}; }
  wire::CommittedRevision committed() { return {instance(), choices_.number()}; }
  wire::RunHistory history() { return {choices_.number(), choices_.number(), choices_.number()}; }
  wire::RunMemory memory();
  std::vector<wire::TensorSummary> tensors();
  wire::StateSummary state();
  wire::PeerInfo changed(wire::PeerInfo info);
  // Two members share what each should have for itself; all else stays as it is.
  void confuse(std::vector<wire::PeerInfo>& members);
  // Of the members in the truth, or of some of all peers, perhaps changed or confused.
  wire::View view();
  wire::GenerationState generation_state(const wire::View& view);
  void tell_of_many(wire::Rejoin& rejoin);
  wire::Rejoin rejoin();
  topology::Plan plan(size_t members);

  template <class Item, class Draw>
  std::vector<Item> some(size_t at_most, Draw draw) {
    std::vector<Item> items(choices_.below(at_most + 1));
    for (Item& item : items) item = draw();
    return items;
  }

 private:
  Epoch differs(Epoch epoch) {
    switch (choices_.below(16)) {
      case 12: epoch.number = choices_.number(); break;
      case 13: epoch.incarnation = incarnation(); break;
      case 14: ++epoch.number; break;
      case 15: epoch = {incarnation(), choices_.number()}; break;
      default: break;
    }
    return epoch;
  }

  Choices& choices_;
  const Truth& truth_;
};

}  // namespace atoll_core::fuzz
