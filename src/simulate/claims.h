// What members were told of one thing, and whether they agree. A claim of a peer that is no member
// of the newest view binds nobody: with the others gone on without it, what it was told as one of
// them may have been taken back. As long as both claimants are members, they must agree.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "simulate/checker.h"

namespace atoll_core::simulate {

class Claims {
 public:
  explicit Claims(CheckContext& context) : context_(context) {}

  struct Claim {
    InstanceId instance;
    PeerId peer;
    std::string who;
    std::string text;
  };

  // Returns an earlier claim that contradicts this one.
  std::optional<Claim> add(const std::string& about, Claim claim) {
    std::vector<Claim>& others = claims_[about];
    std::optional<Claim> other;
    const bool member = context_.is_member(claim.instance, claim.peer);
    if (!member) context_.statistics->add(Count::kDropped);
    for (const Claim& earlier : others) {
      if (!member || other || earlier.text == claim.text) continue;
      if (context_.is_member(earlier.instance, earlier.peer)) other = earlier;
      else context_.statistics->add(Count::kDropped);
    }
    others.push_back(std::move(claim));
    return other;
  }

 private:
  CheckContext& context_;
  std::map<std::string, std::vector<Claim>> claims_;
};

}  // namespace atoll_core::simulate
