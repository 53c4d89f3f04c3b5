#include "state/state_table.h"

#include <algorithm>

#include "base/assert.h"
#include "base/field_rules.h"
#include "base/text.h"

namespace atoll_core::state {

MutableByteSpan StateTensor::chunk(uint64_t index) const {
  ATOLL_ASSERT(index < chunk_count(), "tensor {} chunk {} of {}", name, index, chunk_count());
  const uint64_t begin = index * kStateChunkBytes;
  return bytes.subspan(begin, std::min<uint64_t>(kStateChunkBytes, bytes.size() - begin));
}

Result<void> StateTable::add_tensor(std::string_view name, void* data, DataType type,
                                    uint64_t count) {
  if (holds_content_) {
    return fail(ErrorCode::kInvalidUsage,
                "tensor {} cannot be added: the state already has revision {}", quote_text(name),
                revision_);
  }
  const std::string problem = name.empty() ? "is empty" : problem_with_name(name);
  if (!problem.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the 'name' {} of a tensor {}", quote_text(name),
                problem);
  }
  if (static_cast<int>(type) >= kDataTypeCount) {
    return fail(ErrorCode::kInvalidArgument, "tensor {} has the unknown type {}", name,
                static_cast<int>(type));
  }
  const uint64_t count_max = kChunksPerTensor * kStateChunkBytes / size_of(type);
  if (count > count_max) {
    return fail(ErrorCode::kInvalidArgument, "tensor {} has {} elements of {}, at most {} may be",
                name, count, to_string(type), count_max);
  }
  if (data == nullptr && count > 0) {
    return fail(ErrorCode::kInvalidArgument, "tensor {} has {} elements but no memory", name,
                count);
  }
  if (tensors_.size() == limits::kTensorsPerState) {
    return fail(ErrorCode::kInvalidArgument, "tensor {} is one too many: a state has at most {}",
                name, limits::kTensorsPerState);
  }
  if (!names_.emplace(name).second) {
    return fail(ErrorCode::kInvalidArgument, "the state already has a tensor {}", name);
  }
  tensors_.push_back({std::string(name), type, count,
                      {static_cast<std::byte*>(data), count * size_of(type)}});
  return {};
}

Result<void> StateTable::begin_write() {
  if (writing_) {
    return fail(ErrorCode::kInvalidUsage, "revision {} of the state is already being overwritten",
                revision_);
  }
  writing_ = true;
  return {};
}

Result<void> StateTable::publish(uint64_t revision) {
  if (revision <= revision_) {
    return fail(ErrorCode::kInvalidArgument,
                "revision {} cannot be published: the state has revision {}, and revisions count "
                "up",
                revision, revision_);
  }
  adopt(revision);
  return {};
}

void StateTable::mark_torn() {
  torn_ = true;
  revision_ = 0;
  committed_ = {};
  holds_content_ = false;
}

void StateTable::adopt(uint64_t revision) {
  revision_ = revision;
  writing_ = false;
  torn_ = false;
  holds_content_ = true;
}

}  // namespace atoll_core::state
