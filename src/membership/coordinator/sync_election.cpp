#include "membership/coordinator/sync_election.h"

#include <algorithm>
#include <map>

#include "base/assert.h"

namespace atoll_core::membership {
namespace {

using wire::StateSummary;
using wire::SyncStrategy;
using Voters = std::vector<const SyncVoter*>;

std::string describe(const wire::TensorSummary& tensor) {
  return fmt::format("{} of {} {}", tensor.name, tensor.count, to_string(tensor.type));
}

Result<void> compare_tables(const SyncVoter& one, const SyncVoter& other) {
  const auto& here = one.state->tensors;
  const auto& there = other.state->tensors;
  for (size_t index = 0; index < std::min(here.size(), there.size()); ++index) {
    const bool same = here[index].name == there[index].name &&
                      here[index].type == there[index].type &&
                      here[index].count == there[index].count;
    if (same) continue;
    return fail(ErrorCode::kMismatch, "the shared states differ in tensor {}: {} has {}, {} has {}",
                index, one.who.name, describe(here[index]), other.who.name,
                describe(there[index]));
  }
  if (here.size() == there.size()) return {};
  return fail(ErrorCode::kMismatch, "the shared states differ: {} has {} tensors, {} has {}",
              one.who.name, here.size(), other.who.name, there.size());
}

template <class Condition>
Voters select(const std::vector<SyncVoter>& voters, Condition condition) {
  Voters selected;
  for (const SyncVoter& voter : voters) {
    if (condition(voter)) selected.push_back(&voter);
  }
  return selected;
}

// "w1 differs between a and b", or the whole state when no tensor tells them apart.
std::string difference(const SyncVoter& one, const SyncVoter& other) {
  std::string what = "the whole state";
  for (size_t index = 0; index < one.state->tensors.size(); ++index) {
    if (one.state->tensors[index].digest == other.state->tensors[index].digest) continue;
    what = "tensor " + one.state->tensors[index].name;
    break;
  }
  return fmt::format("{} differs between {} and {}", what, one.who.name, other.who.name);
}

bool same_content(const StateSummary& one, const StateSummary& other) {
  return one.revision == other.revision && one.digest == other.digest;
}

Result<Elected> elect_sender(const Voters& senders) {
  const SyncVoter& first = *senders.front();
  for (const SyncVoter* other : senders) {
    if (same_content(*first.state, *other->state)) continue;
    if (first.state->revision != other->state->revision) {
      return fail(ErrorCode::kStateConflict,
                  "{} and {} both only send, but revision {} here, {} there", first.who.name,
                  other->who.name, first.state->revision, other->state->revision);
    }
    return fail(ErrorCode::kStateConflict, "both only send, but {}", difference(first, *other));
  }
  return Elected{first.state, {}, fmt::format("{} only sends", first.who.name), false};
}

Elected elect_popular(const Voters& voters) {
  uint64_t revision = 0;
  for (const SyncVoter* voter : voters) revision = std::max(revision, voter->state->revision);
  std::map<wire::ContentDigest, size_t> votes;
  for (const SyncVoter* voter : voters) {
    if (voter->state->revision == revision) ++votes[voter->state->digest];
  }
  const SyncVoter* winner = nullptr;
  const SyncVoter* loser = nullptr;
  for (const SyncVoter* voter : voters) {
    if (voter->state->revision != revision) continue;
    if (winner == nullptr || votes[voter->state->digest] > votes[winner->state->digest]) {
      winner = voter;
    }
  }
  for (const SyncVoter* voter : voters) {
    if (voter->state->revision == revision && voter->state->digest != winner->state->digest) {
      loser = voter;
      break;
    }
  }
  Elected elected{winner->state, {}, "", loser != nullptr};
  elected.sentence = fmt::format("revision {} as {} of {} voters hold it", revision,
                                 votes[winner->state->digest], voters.size());
  if (loser != nullptr) elected.sentence += "; " + difference(*winner, *loser);
  return elected;
}

Result<Elected> choose(const std::vector<SyncVoter>& voters) {
  const Voters senders = select(voters, [](const SyncVoter& voter) {
    return voter.state->strategy == SyncStrategy::kSendOnly;
  });
  if (!senders.empty()) return elect_sender(senders);
  Voters popular = select(voters, [](const SyncVoter& voter) {
    return voter.state->strategy == SyncStrategy::kPopular && !voter.gap;
  });
  if (popular.empty()) {
    popular = select(voters, [](const SyncVoter& voter) {
      return voter.state->strategy == SyncStrategy::kPopular;
    });
  }
  if (popular.empty()) {
    return fail(ErrorCode::kStateConflict,
                "all of the {} members that sync their state only receive", voters.size());
  }
  return elect_popular(popular);
}

}  // namespace

Result<Elected> elect(const std::vector<SyncVoter>& voters) {
  ATOLL_ASSERT(!voters.empty(), "{} voters", voters.size());
  for (const SyncVoter& voter : voters) {
    if (auto same = compare_tables(voters.front(), voter); !same) {
      return tl::unexpected<Error>(same.error());
    }
  }
  Result<Elected> elected = choose(voters);
  if (!elected) return elected;
  for (const SyncVoter& voter : voters) {
    if (same_content(*elected->state, *voter.state)) elected->holders.push_back(voter.who.peer);
  }
  return elected;
}

}  // namespace atoll_core::membership
