// The tensors of a shared state: where they are and which revision they hold. The bytes belong to
// the caller. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/element.h"
#include "base/error.h"
#include "base/limits.h"
#include "wire/run_memory.h"

namespace atoll_core::state {

// The unit of comparison and of transfer, in bytes of one tensor; the last one may be short.
inline constexpr uint64_t kStateChunkBytes = 1u << 20;
inline constexpr uint64_t kDigestBytes = 16;
// So that the list of a tensor's chunk digests fits one frame.
inline constexpr uint64_t kChunksPerTensor = limits::kChunkBytes / kDigestBytes;
static_assert(kStateChunkBytes <= limits::kChunkBytes);

struct StateTensor {
  std::string name;
  DataType type = DataType::kFloat32;
  uint64_t count = 0;
  MutableByteSpan bytes;

  uint64_t chunk_count() const {
    return (bytes.size() + kStateChunkBytes - 1) / kStateChunkBytes;
  }
  MutableByteSpan chunk(uint64_t index) const;
};

// Invariants: names are unique; a tensor's bytes are count elements; the set of tensors is fixed
// once there is content. The revision is 0 until something is published or adopted.
class StateTable {
 public:
  // Only while there is no content. The memory must outlive the table.
  Result<void> add_tensor(std::string_view name, void* data, DataType type, uint64_t count);

  // From here the caller may change the bytes; nothing is served.
  Result<void> begin_write();
  // The bytes now are `revision`, greater than the last one.
  Result<void> publish(uint64_t revision);

  // A sync has made the bytes those of `revision`, which the run elected: it may be lower.
  void adopt(uint64_t revision);
  // The run has committed the revision that the bytes now are. What is published on top of it was
  // made of it, so that this is true of it, too.
  void note_committed(const wire::CommittedRevision& committed) { committed_ = committed; }
  // Bytes begin to be overwritten in place: they are no revision until adopt or publish.
  void mark_torn();

  uint64_t revision() const { return revision_; }
  // What the bytes are or were made of. Zero: of nothing that a run has committed.
  const wire::CommittedRevision& committed() const { return committed_; }
  bool writing() const { return writing_; }
  bool torn() const { return torn_; }
  // Published or adopted at least once: there is something to lose.
  bool holds_content() const { return holds_content_; }
  const std::vector<StateTensor>& tensors() const { return tensors_; }

 private:
  std::vector<StateTensor> tensors_;
  std::unordered_set<std::string> names_;
  uint64_t revision_ = 0;
  wire::CommittedRevision committed_;
  bool writing_ = false;
  bool torn_ = false;
  bool holds_content_ = false;
};

}  // namespace atoll_core::state
