// Loads the ways between the members of a run and tells the engine what they carry, which goes to
// the coordinator with the next update.
//
// First in pairs, each pair alone on both hosts, both ways at once; pairs that were measured before
// are passed over. Then from all to all, which tells what a host carries. Each of the two grows its
// amounts until one takes long enough to say something.
//
// A call of all members: it consists of sends, all-gathers and all-reduces under the caller's tag,
// the same on all. A member that dies is passed over.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "peer/calls.h"
#include "peer/session.h"

namespace atoll_core::peer {

class NetworkMeasurement {
 public:
  // `view`: of the last update. Of the options only the tag and the deadline count; a deadline is
  // for all of it. The session outlives this.
  NetworkMeasurement(Session& session, View view, const CallOptions& options);

  // Any thread: run() returns soon, with atollCancelled, and so it does on the others.
  void cancel();
  // Blocking; some seconds for each other member, and as many for all together. Errors of single
  // pairs are logged and passed over.
  Result<void> run();

 private:
  using Calls = std::vector<std::shared_ptr<AwaitedCall>>;
  // Starts the calls of one piece, which may receive into this memory.
  using Piece = std::function<void(Calls&, uint64_t bytes, std::byte* memory)>;

  // How an exchange went.
  struct Load {
    int64_t nanoseconds = 0;        // it took
    uint64_t bytes_per_second = 0;  // without its beginning and stalls
  };
  // What both ends of a pair tell each other.
  struct Note {
    uint64_t known_bytes_per_second = 0;  // towards the other; 0: not known
    Load last;
  };

  static Load slower_of(const Load& one, const Load& other);
  Result<void> measure_members();
  Result<void> measure_pair(PeerId other);
  void log_what_is_known() const;
  Result<void> measure_all();
  bool lives(PeerId peer) const;
  uint64_t known_rate(PeerId peer) const;
  Result<Note> tell(PeerId other, Note own);
  // So many bytes each way at once; the way to the other end is in the time.
  Result<Load> swap(PeerId other, uint64_t bytes);
  // So many from each to each other.
  Result<Load> gather(uint64_t bytes);
  // So many bytes in pieces, several of them in flight.
  Result<Load> load(uint64_t bytes, uint64_t piece_max, const Piece& begin);
  // The slowest of all.
  Result<Load> slowest(const Load& own);
  Result<void> barrier();
  // Starts it, with what is left of the deadline.
  void start(Calls& calls, CollectiveCall call);
  // For the end of all, since they share memory. The first error.
  Result<void> wait(const Calls& calls) const;
  // Whether there is sense in going on with other pairs.
  bool can_go_on(const Error& error) const;

  Session& session_;
  const View view_;
  const CallOptions options_;
  const PeerId self_;
  const TimePoint begun_;
  std::vector<std::byte> sent_;
  std::vector<std::byte> received_;  // each piece in flight has a part of its own
  std::mutex mutex_;
  bool cancelled_ = false;
  std::vector<std::weak_ptr<AwaitedCall>> started_;  // calls, those of which somebody still knows
};

}  // namespace atoll_core::peer
