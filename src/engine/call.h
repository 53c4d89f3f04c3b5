// What callers ask of an engine and what they get back.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/element.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "codec/tensor_list.h"
#include "state/digest.h"
#include "state/publication.h"
#include "state/state_table.h"
#include "wire/control.h"

namespace atoll_core::engine {

// Names a call for its caller; chosen by the caller, never used twice with one engine.
using CallId = uint64_t;

// kShardAlone: as kShard, but its calls end by themselves.
enum class CallGroup : uint8_t { kShard = 0, kReplica = 1, kAll = 2, kShardAlone = 3 };

struct CallOptions {
  CallGroup group = CallGroup::kShard;
  uint64_t tag = 0;
  Duration deadline{0};  // for the whole call; zero: only the engine's timeouts
  bool retry = true;
  uint32_t algorithm = 0;
  bool input_disposable = false;
  double weight = 1.0;  // of this peer in an average; 0 to limits::kWeight
  // Large all-reduces: segments that are complete on all stand, whoever dies. Takes the input.
  bool keep = false;
  // Of the caller's choice, and the same on all participants.
  uint64_t layout = 0;
};

// Every call that moves tensors, and the barrier. Their memory stays valid until the call has
// ended. A tensor's source may be null where this peer brings none of it, its sink where it gets
// none (call_blocks.h); a sink that is not null may be overwritten in any case. A send is called by
// both, who are a group of their own: CallOptions::group is not looked at.
struct CollectiveCall {
  wire::OpKind kind = wire::OpKind::kAllReduce;
  DataType type = DataType::kFloat32;
  ReduceOp reduce = ReduceOp::kSum;
  std::vector<codec::TensorView> tensors;
  PeerId root;      // the sender of a send; nobody: its receiver takes whoever's
  PeerId receiver;  // of a send
  // Of what has blocks: whose they are, in their order; nobody's where a peer was lost long ago.
  // The tensors' elements are all blocks together.
  std::vector<PeerId> owners;
  // Elements of each block; none: all are equally long. Of an all-to-all what each sends here.
  std::vector<uint64_t> counts;
  // Of an all-to-all: what goes to each owner. The tensors' elements are all that comes, in the
  // order of the owners, and then all that goes, but for a peer's block for itself, which is in the
  // first part only.
  std::vector<uint64_t> counts_sent;
  CallOptions options;
};

// The caller leaves the table and its tensors alone until the call has ended.
struct SyncCall {
  state::StateTable* table = nullptr;
  state::StateDigests digests;  // of the table as it is
  wire::SyncStrategy strategy = wire::SyncStrategy::kPopular;
  CallOptions options;
  // Opened when the sync commits, so that pending peers may fetch from the table until whoever owns
  // it closes this, and has the engine withdraw it, before the next write. May be null.
  std::shared_ptr<state::Publication> publication;
};

// The table and its bytes are the engine's until the update that this comes with has ended.
struct FollowCall {
  state::StateTable* table = nullptr;
  state::StateDigests digests;  // of the table as it is
  uint64_t tag = 0;             // of the members' syncs
  Duration patience{};          // after that it is to be admitted as it is
};

// The elements from the end of the range before to `end`.
struct ContributedRange {
  uint64_t end = 0;
  std::vector<PeerId> contributors;
  double weight = 0;  // of all of them together; 0 when there are no elements
  std::vector<double> weights{};  // of each
  bool operator==(const ContributedRange&) const = default;
};

struct CollectiveInfo {
  std::vector<PeerId> contributors;
  uint32_t attempts = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  // Of each contributor, and of all together: 1 each but in an average, 0 without any elements.
  std::vector<double> weights;
  double weight = 0;
  // The whole result; more than one when segments were kept. The last one has the contributors and
  // the weights above, and may be empty.
  std::vector<ContributedRange> ranges;
  PeerId sender{};  // of what was received from one peer
};

struct SyncInfo {
  uint64_t revision = 0;
  wire::ContentDigest digest;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint32_t tensors_received = 0;
  uint32_t attempts = 0;
};

struct UpdateInfo {
  wire::View view;
};

struct ConnectInfo {};

using CallInfo = std::variant<ConnectInfo, UpdateInfo, CollectiveInfo, SyncInfo>;

struct CallEnded {
  CallId call = 0;
  Result<CallInfo> result;
};

}  // namespace atoll_core::engine
