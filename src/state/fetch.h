// Brings a shared state to the content that a run has elected, by fetching only the chunks that
// differ, from all who hold it.
//
// For each tensor whose digest differs: the list of its chunk digests from one holder, believed if
// it hashes to the elected digest; then the differing chunks from all holders, least loaded first,
// each believed if it has its digest. (A tensor of one chunk needs no list: its digest follows from
// the chunk.) A holder that refuses, is lost or sends something wrong is asked for nothing more and
// its requests go elsewhere. What a holder that sent something wrong still has outstanding is
// awaited nevertheless: so each response has one sender at a time, and nobody else writes to its
// destination.
//
// In place: bytes go straight into the tensors, which are torn until commit(). For content that
// nobody will miss. The digests of what has been overwritten are kept up to date, so that a fetch
// that fails can be followed by another one that does not fetch the same chunks again.
// Otherwise differing chunks are kept aside until commit(), and nothing changes before.
//
// The caller: take_requests() after construction and after each event; destination() when a
// response begins to arrive, on_response() when it is whole. While a destination is being written
// to, neither on_holder_lost() for its sender nor the end of this object may come. failure() comes
// only when nothing is outstanding.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "state/digest.h"
#include "state/holder_set.h"
#include "state/request.h"
#include "state/state_table.h"
#include "wire/control.h"

namespace atoll_core::state {

struct FetchRequest {
  PeerId holder;
  StateRequest request;
  bool operator==(const FetchRequest&) const = default;
};

struct FetchPlan {
  uint64_t revision = 0;
  ContentDigest digest;
  std::vector<wire::TensorSummary> tensors;
  std::vector<PeerId> holders;  // without this peer
  uint32_t window = 4;          // chunks outstanding at each holder
  bool in_place = false;        // only while the table holds no content that is to be kept
  bool replaces_a_copy = false;  // what the table holds was fetched, too, and may be lost
};

struct FetchCounters {
  uint64_t bytes_received = 0;    // of chunks and digest lists that were right
  uint64_t chunks_received = 0;
  uint64_t tensors_received = 0;  // tensors of which something differed and now is there
};

class FetchMachine {
 public:
  // `digests` must be those of `table`. Both must outlive the machine, and nobody else changes
  // them or the tensors meanwhile. Refuses a plan that does not fit the table, or whose digest does
  // not follow from its tensors.
  static Result<std::unique_ptr<FetchMachine>> create(FetchPlan plan, StateTable& table,
                                                      StateDigests& digests);

  // Appends what can be asked for now.
  void take_requests(std::vector<FetchRequest>& out);

  // Where the payload of a response is to be put. A name may be asked for again until its response
  // is whole: a link sends again what was lost half-way. So the caller sees to it that no two
  // frames are read into one destination; one that cannot hands in payloads from elsewhere.
  // Refuses a name that is not outstanding at `from` (after which nothing has changed) or a wrong
  // size (after which `from` is asked for nothing more). std::bad_alloc leaves all as it was.
  Result<MutableByteSpan> destination(PeerId from, const ResponseName& name,
                                      uint64_t payload_bytes);
  // `payload` is in its destination, or elsewhere and then copied. The error says what was wrong
  // with it; the machine has dealt with that.
  Result<void> on_response(PeerId from, const ResponseName& name, ByteSpan payload);
  void on_refused(PeerId from, const ResponseName& name, const std::string& reason);
  void on_holder_lost(PeerId peer);
  // One that was lost, or refused, may be asked again; no use once failure() is set.
  void on_holder_back(PeerId peer) { holders_.take_back(peer); }

  // All that differs is here and verified.
  bool complete() const;
  std::optional<Error> failure() const { return failure_; }
  // Once, when complete: the table has the elected content and revision, `digests` its digests.
  Result<StateDigests> commit();

  const FetchCounters& counters() const { return counters_; }
  // "tensor w bytes 0 to 1048576, 4194304 to 5242880; tensor b bytes 0 to 8": what was found to
  // differ so far; empty when nothing was.
  std::string describe_difference(size_t ranges_max = 8) const;

 private:
  struct Item {
    uint32_t tensor = 0;
    StateItem item = StateItem::kDigests;
    uint64_t chunk = 0;
    auto operator<=>(const Item&) const = default;
  };
  struct Outstanding {
    PeerId holder;
    ByteBuffer digests;  // the destination of a list
  };
  // What a tensor that differs is to become.
  struct Target {
    std::vector<ContentDigest> chunks;  // empty until known
    uint64_t chunks_missing = 0;
  };
  using OutstandingItems = std::map<Item, Outstanding>;

  FetchMachine(FetchPlan plan, StateTable& table, StateDigests& digests);

  void plan_tensor(uint32_t tensor);
  StateRequest request_for(const Item& item) const;
  uint64_t bytes_of(const Item& item) const;
  Result<OutstandingItems::iterator> find(PeerId from, const ResponseName& name);
  MutableByteSpan place_of(const Item& item, Outstanding& outstanding);
  bool accept_digests(uint32_t tensor, ByteSpan payload);
  bool accept_chunk(const Item& item, ByteSpan payload);
  void note_chunk(const Item& item, const ContentDigest& digest);
  void want_chunk(uint32_t tensor, uint64_t chunk);
  // Gives the request back to the queue.
  void requeue(OutstandingItems::iterator found);
  tl::unexpected<Error> blame(OutstandingItems::iterator found, const std::string& what);
  void check_holders();

  FetchPlan plan_;
  StateTable& table_;
  StateDigests& digests_;
  HolderSet holders_;
  std::deque<Item> queue_;
  OutstandingItems outstanding_;
  std::map<uint32_t, Target> targets_;
  std::map<ChunkName, std::unique_ptr<std::byte[]>> differing_;  // null in place or not begun
  FetchCounters counters_;
  std::optional<Error> failure_;
};

}  // namespace atoll_core::state
