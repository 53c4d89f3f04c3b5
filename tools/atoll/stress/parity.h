// What every revision of the shared state was, as the first worker that held it has said. Whoever
// says something else about it shows that the members have drifted apart.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace atoll_cli {

struct ContentDigest {
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const ContentDigest&) const = default;
};

class ParityLedger {
 public:
  enum class Finding : uint8_t { kNew, kSame, kDifferent };

  // `hash` is the workers' own; `digest` the library's, which only those know who have synced.
  Finding note(uint64_t revision, uint64_t hash, std::optional<ContentDigest> digest);
  bool agrees(uint64_t revision, uint64_t hash) const;
  uint64_t newest() const { return entries_.empty() ? 0 : entries_.rbegin()->first; }
  // What nobody holds any more.
  void forget_below(uint64_t revision) {
    entries_.erase(entries_.begin(), entries_.lower_bound(revision));
  }
  // Nobody who held it is left: the run has gone on from an older revision.
  void forget_from(uint64_t revision) {
    entries_.erase(entries_.lower_bound(revision), entries_.end());
  }

 private:
  struct Entry {
    uint64_t hash = 0;
    std::optional<ContentDigest> digest;
  };
  std::map<uint64_t, Entry> entries_;
};

}  // namespace atoll_cli
