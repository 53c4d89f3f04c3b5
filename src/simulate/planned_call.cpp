#include "simulate/planned_call.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/limits.h"
#include "kernels/convert.h"

namespace atoll_core::simulate {
namespace {

using Ranges = std::vector<engine::ContributedRange>;

template <class T>
void put(std::byte* at, double value) {
  // Through a wide integer, so that what does not fit wraps as in the reduction.
  const T typed = std::is_floating_point_v<T> ? static_cast<T>(value)
                                              : static_cast<T>(static_cast<int64_t>(value));
  std::memcpy(at, &typed, sizeof(T));
}

template <class T>
double get(const std::byte* at) {
  T typed;
  std::memcpy(&typed, at, sizeof(T));
  return static_cast<double>(typed);
}

void store(DataType type, std::byte* at, double value) {
  switch (type) {
    case DataType::kInt8: return put<int8_t>(at, value);
    case DataType::kUint8: return put<uint8_t>(at, value);
    case DataType::kInt16: return put<int16_t>(at, value);
    case DataType::kUint16: return put<uint16_t>(at, value);
    case DataType::kInt32: return put<int32_t>(at, value);
    case DataType::kUint32: return put<uint32_t>(at, value);
    case DataType::kInt64: return put<int64_t>(at, value);
    case DataType::kUint64: return put<uint64_t>(at, value);
    case DataType::kFloat16: {
      const uint16_t bits = kernels::float_to_float16(static_cast<float>(value));
      std::memcpy(at, &bits, sizeof(bits));
      return;
    }
    case DataType::kBfloat16: {
      const uint16_t bits = kernels::float_to_bfloat16(static_cast<float>(value));
      std::memcpy(at, &bits, sizeof(bits));
      return;
    }
    case DataType::kFloat32: return put<float>(at, value);
    case DataType::kFloat64: return put<double>(at, value);
  }
}

double load(DataType type, const std::byte* at) {
  uint16_t bits = 0;
  switch (type) {
    case DataType::kInt8: return get<int8_t>(at);
    case DataType::kUint8: return get<uint8_t>(at);
    case DataType::kInt16: return get<int16_t>(at);
    case DataType::kUint16: return get<uint16_t>(at);
    case DataType::kInt32: return get<int32_t>(at);
    case DataType::kUint32: return get<uint32_t>(at);
    case DataType::kInt64: return get<int64_t>(at);
    case DataType::kUint64: return get<uint64_t>(at);
    case DataType::kFloat16:
      std::memcpy(&bits, at, sizeof(bits));
      return kernels::float16_to_float(bits);
    case DataType::kBfloat16:
      std::memcpy(&bits, at, sizeof(bits));
      return kernels::bfloat16_to_float(bits);
    case DataType::kFloat32: return get<float>(at);
    case DataType::kFloat64: return get<double>(at);
  }
  return 0;
}

// What a value becomes in this type.
double rounded(DataType type, double value) {
  std::byte bytes[8];
  store(type, bytes, value);
  return load(type, bytes);
}

// Of contributions, which are small whole numbers in every type.
double combined(ReduceOp op, double one, double other) {
  const auto a = static_cast<uint64_t>(one);
  const auto b = static_cast<uint64_t>(other);
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kAvg: return one + other;
    case ReduceOp::kProd: return one * other;
    case ReduceOp::kMin: return std::min(one, other);
    case ReduceOp::kMax: return std::max(one, other);
    case ReduceOp::kBitAnd: return static_cast<double>(a & b);
    case ReduceOp::kBitOr: return static_cast<double>(a | b);
    case ReduceOp::kBitXor: return static_cast<double>(a ^ b);
  }
  return 0;
}

double expected(const PlannedCall& call, const std::vector<PeerId>& contributors, size_t tensor,
                uint64_t element) {
  const bool gathers = call.kind == wire::OpKind::kAllGather ||
                       call.kind == wire::OpKind::kGather ||
                       call.kind == wire::OpKind::kAllToAll;
  if (gathers) {
    const PeerId owner = call.owners[tensor];
    const bool there = std::find(contributors.begin(), contributors.end(), owner) !=
                       contributors.end();
    return there ? contribution(call, owner, element) : 0;
  }
  if (!wire::reduces(call.kind)) return contribution(call, call.root, element);
  double value = 0;
  const bool average = call.reduce == ReduceOp::kAvg;
  for (size_t i = 0; i < contributors.size(); ++i) {
    const PeerId peer = contributors[i];
    const double part = weight_of(call, peer) * contribution(call, peer, element);
    value = i == 0 ? part : combined(call.reduce, value, part);
  }
  if (average && value != 0) value /= total_weight(call, contributors);
  return rounded(call.type, value);
}

// One tensor as a peer has it: what it brings is contribution(first), and so on.
struct Part {
  uint64_t count = 0;
  uint64_t first = 0;
  bool brings = false;
  bool gets = false;
};

std::vector<uint64_t> block_counts(const PlannedCall& call) {
  std::vector<uint64_t> blocks;
  for (size_t i = 0; i < call.owners.size(); ++i) {
    blocks.push_back(call.counts[i % call.counts.size()]);
  }
  return blocks;
}

// From one owner to another.
uint64_t count_between(const PlannedCall& call, size_t from, size_t to) {
  return call.counts[(3 * from + to) % call.counts.size()];
}

// What comes from each, then what goes to each other one; its values depend on who gets it.
std::vector<Part> all_to_all_parts(const PlannedCall& call, PeerId self) {
  constexpr uint64_t kApart = 1u << 30;
  const auto found = std::find(call.owners.begin(), call.owners.end(), self);
  const auto own = static_cast<size_t>(found - call.owners.begin());
  std::vector<Part> parts;
  for (size_t i = 0; i < call.owners.size(); ++i) {
    parts.push_back({count_between(call, i, own), own * kApart, i == own, true});
  }
  for (size_t i = 0; i < call.owners.size(); ++i) {
    if (i != own) parts.push_back({count_between(call, own, i), i * kApart, true, false});
  }
  return parts;
}

std::vector<Part> parts_of(const PlannedCall& call, PeerId self) {
  if (call.kind == wire::OpKind::kAllToAll) return all_to_all_parts(call, self);
  std::vector<Part> parts;
  uint64_t element = 0;
  for (const uint64_t count : has_blocks(call) ? block_counts(call) : call.counts) {
    const size_t tensor = parts.size();
    parts.push_back({count, element, brings(call, self, tensor), gets(call, self, tensor)});
    element += count;
  }
  return parts;
}

const std::vector<PeerId>& contributors_at(const std::vector<engine::ContributedRange>& ranges,
                                           uint64_t element) {
  for (const engine::ContributedRange& range : ranges) {
    if (element < range.end) return range.contributors;
  }
  static const std::vector<PeerId> nobody;
  return nobody;
}

}  // namespace

bool has_blocks(const PlannedCall& call) { return wire::has_blocks(call.kind); }

bool brings(const PlannedCall& call, PeerId peer, size_t tensor) {
  switch (call.kind) {
    case wire::OpKind::kAllGather:
    case wire::OpKind::kGather: return call.owners[tensor] == peer;
    case wire::OpKind::kBroadcast:
    case wire::OpKind::kScatter:
    case wire::OpKind::kSend: return call.root == peer;
    default: return true;
  }
}

bool gets(const PlannedCall& call, PeerId peer, size_t tensor) {
  switch (call.kind) {
    case wire::OpKind::kReduceScatter:
    case wire::OpKind::kScatter: return call.owners[tensor] == peer;
    case wire::OpKind::kReduce:
    case wire::OpKind::kGather: return call.root == peer;
    case wire::OpKind::kSend: return call.receiver == peer;
    default: return true;
  }
}

bool same_for_all(const PlannedCall& call) {
  return call.kind == wire::OpKind::kAllReduce || call.kind == wire::OpKind::kBroadcast ||
         call.kind == wire::OpKind::kAllGather || call.kind == wire::OpKind::kBarrier;
}

uint64_t elements_of(const PlannedCall& call) {
  uint64_t total = 0;
  const size_t owners = call.owners.size();
  if (call.kind == wire::OpKind::kAllToAll) {
    for (size_t i = 0; i < owners * owners; ++i) {
      total += count_between(call, i / owners, i % owners);
    }
    return total;
  }
  for (const uint64_t count : has_blocks(call) ? block_counts(call) : call.counts) total += count;
  return total;
}

uint64_t result_elements(const PlannedCall& call, PeerId peer) {
  if (call.kind != wire::OpKind::kAllToAll) return elements_of(call);
  uint64_t total = 0;
  for (const Part& part : parts_of(call, peer)) total += part.gets ? part.count : 0;
  return total;
}

bool is_large(const PlannedCall& call) {
  if (call.kind == wire::OpKind::kAllToAll) return true;
  const bool whole = same_for_all(call) || call.kind == wire::OpKind::kSend;
  return elements_of(call) * size_of(call.type) >
         (whole ? limits::kSmallOpBytes : limits::kSmallPartsBytes);
}

PlannedCall random_call(Random& random, const std::vector<PeerId>& members, uint64_t count_max) {
  PlannedCall call;
  const uint64_t dice = random.below(10);
  if (dice == 8) call.kind = wire::OpKind::kBroadcast;
  if (dice == 9) call.kind = wire::OpKind::kBarrier;
  call.type = static_cast<DataType>(random.below(kDataTypeCount));
  constexpr uint64_t kArithmetic = 5;
  call.reduce = static_cast<ReduceOp>(random.below(kArithmetic));
  if (call.reduce == ReduceOp::kAvg && !is_float(call.type)) call.reduce = ReduceOp::kSum;
  call.salt = random.bits();
  call.in_place = random.one_in(2);
  call.weighted = call.salt % 4 != 0;
  call.options.keep = call.salt / 4 % 2 == 0;
  if (!is_float(call.type) && call.salt / 16 % 4 == 0) {
    call.reduce = static_cast<ReduceOp>(kArithmetic + call.salt / 1024 % 3);
  }
  call.counts.clear();
  if (call.kind == wire::OpKind::kBarrier) return call;
  if (call.kind == wire::OpKind::kBroadcast) call.root = members[random.below(members.size())];
  const uint64_t tensors = random.one_in(3) ? random.between(2, 5) : 1;
  for (uint64_t i = 0; i < tensors; ++i) {
    const uint64_t most = random.one_in(3) ? 3 : count_max;  // often tiny, now and then empty
    call.counts.push_back(random.below(most + 1));
  }
  return call;
}

double contribution(const PlannedCall& call, PeerId peer, uint64_t element) {
  const uint64_t bits = Random::mix(call.salt + element + peer.value * 0xD6E8FEB86659FD93u);
  return static_cast<double>(1 + (bits >> 40) % (call.reduce == ReduceOp::kProd ? 2 : 7));
}

double weight_of(const PlannedCall& call, PeerId peer) {
  const bool average = wire::reduces(call.kind) && call.reduce == ReduceOp::kAvg;
  if (!call.weighted || !average) return 1;
  return static_cast<double>((Random::mix(call.salt + 3 * peer.value) >> 40) % 3);
}

double total_weight(const PlannedCall& call, const std::vector<PeerId>& contributors) {
  double total = 0;
  for (const PeerId peer : contributors) total += weight_of(call, peer);
  return total;
}

ByteBuffer expected_result(const PlannedCall& call, PeerId peer,
                           const std::vector<engine::ContributedRange>& ranges) {
  const size_t size = size_of(call.type);
  const std::vector<Part> parts = parts_of(call, peer);
  ByteBuffer result;
  uint64_t element = 0;
  for (size_t tensor = 0; tensor < parts.size(); ++tensor) {
    const Part& part = parts[tensor];
    if (!part.gets) {
      element += part.count;
      continue;
    }
    size_t at = result.size();
    result.resize(at + part.count * size);
    for (uint64_t i = 0; i < part.count; ++i, ++element, at += size) {
      store(call.type, result.data() + at,
            expected(call, contributors_at(ranges, element), tensor, part.first + i));
    }
  }
  return result;
}

CallMemory::CallMemory(const PlannedCall& call, PeerId self) : call_(call), self_(self) {
  const size_t size = size_of(call.type);
  for (const Part& part : parts_of(call, self)) {
    auto tensor = std::make_unique<Tensor>();
    tensor->count = part.count;
    tensor->first = part.first;
    tensor->brings = part.brings;
    tensor->gets = part.gets;
    tensor->in_place = call.in_place && tensor->brings && tensor->gets;
    ByteBuffer input(part.count * size);
    for (uint64_t i = 0; i < part.count; ++i) {
      store(call.type, input.data() + i * size, contribution(call, self, part.first + i));
    }
    if (tensor->gets) tensor->sink.assign(part.count * size, std::byte{0xA5});
    if (tensor->in_place) tensor->sink = std::move(input);
    else if (tensor->brings) tensor->source = std::move(input);
    tensors_.push_back(std::move(tensor));
  }
}

engine::CollectiveCall CallMemory::arguments() const {
  engine::CollectiveCall arguments;
  arguments.kind = call_.kind;
  arguments.type = call_.type;
  arguments.reduce = call_.reduce;
  arguments.root = call_.root;
  arguments.receiver = call_.receiver;
  if (has_blocks(call_)) arguments.owners = call_.owners;
  if (has_blocks(call_) && call_.counts.size() > 1) arguments.counts = block_counts(call_);
  if (call_.kind == wire::OpKind::kAllToAll) {
    arguments.owners = call_.owners;
    const auto found = std::find(call_.owners.begin(), call_.owners.end(), self_);
    const auto own = static_cast<size_t>(found - call_.owners.begin());
    for (size_t i = 0; i < call_.owners.size(); ++i) {
      arguments.counts.push_back(count_between(call_, i, own));
      arguments.counts_sent.push_back(count_between(call_, own, i));
    }
  }
  arguments.options = call_.options;
  arguments.options.weight = weight_of(call_, self_);
  for (const auto& tensor : tensors_) {
    std::byte* sink = tensor->gets ? tensor->sink.data() : nullptr;
    const std::byte* source = tensor->brings ? tensor->source.data() : nullptr;
    arguments.tensors.push_back({tensor->in_place ? sink : source, sink, tensor->count});
  }
  return arguments;
}

std::string CallMemory::check_result(const std::vector<PeerId>& contributors) const {
  return check_result(Ranges{{elements_of(call_), contributors}});
}

std::string CallMemory::check_result(const std::vector<engine::ContributedRange>& ranges) const {
  const size_t size = size_of(call_.type);
  uint64_t element = 0;
  for (size_t index = 0; index < tensors_.size(); ++index) {
    const Tensor& tensor = *tensors_[index];
    for (uint64_t i = 0; i < tensor.count; ++i, ++element) {
      if (!tensor.gets) continue;
      const double found = load(call_.type, tensor.sink.data() + i * size);
      const double wanted =
          expected(call_, contributors_at(ranges, element), index, tensor.first + i);
      if (found == wanted) continue;
      return fmt::format("tensor {} element {} is {}, not {}", index, i, found, wanted);
    }
  }
  return "";
}

std::string CallMemory::check_intact() const {
  const size_t size = size_of(call_.type);
  for (size_t index = 0; index < tensors_.size(); ++index) {
    const Tensor& tensor = *tensors_[index];
    const ByteBuffer& input = tensor.in_place ? tensor.sink : tensor.source;
    for (uint64_t i = 0; i < tensor.count; ++i) {
      if (!tensor.brings) continue;
      const double found = load(call_.type, input.data() + i * size);
      const double wanted = contribution(call_, self_, tensor.first + i);
      if (found == wanted) continue;
      return fmt::format("input {} element {} became {}, was {}", index, i, found, wanted);
    }
  }
  return "";
}

ByteBuffer CallMemory::result() const {
  ByteBuffer all;
  for (const auto& tensor : tensors_) {
    all.insert(all.end(), tensor->sink.begin(), tensor->sink.end());
  }
  return all;
}

}  // namespace atoll_core::simulate
