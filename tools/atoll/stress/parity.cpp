#include "tools/atoll/stress/parity.h"

namespace atoll_cli {

ParityLedger::Finding ParityLedger::note(uint64_t revision, uint64_t hash,
                                         std::optional<ContentDigest> digest) {
  const auto [at, fresh] = entries_.try_emplace(revision, Entry{hash, digest});
  if (fresh) return Finding::kNew;
  Entry& entry = at->second;
  if (entry.hash != hash) return Finding::kDifferent;
  if (digest && entry.digest && *digest != *entry.digest) return Finding::kDifferent;
  if (digest) entry.digest = digest;
  return Finding::kSame;
}

bool ParityLedger::agrees(uint64_t revision, uint64_t hash) const {
  const auto found = entries_.find(revision);
  return found != entries_.end() && found->second.hash == hash;
}

}  // namespace atoll_cli
