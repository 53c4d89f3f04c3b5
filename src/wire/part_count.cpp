#include "wire/part_count.h"

#include <cstdint>

#include <google/protobuf/io/coded_stream.h>

#include "base/limits.h"

namespace atoll_core::wire {
namespace {

constexpr uint32_t kFirstPartField = 16;
// The last three bits of a tag (protobuf's encoding guide, "Message Structure").
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

class PartCounter {
 public:
  explicit PartCounter(std::string_view bytes)
      : stream_(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size())) {
    stream_.PushLimit(static_cast<int>(bytes.size()));
  }

  // False when the bytes up to the current limit are no message or exceed a bound.
  bool walk(int depth) {
    while (const uint32_t tag = stream_.ReadTag()) {
      if (!skip_field(tag, depth)) return false;
    }
    return stream_.ConsumedEntireMessage();
  }

  bool over_bounds() const { return over_bounds_; }

 private:
  bool skip_field(uint32_t tag, int depth) {
    uint64_t ignored = 0;
    switch (tag & 7) {
      case kVarint: return stream_.ReadVarint64(&ignored);
      case kFixed64: return stream_.Skip(8);
      case kFixed32: return stream_.Skip(4);
      case kLengthDelimited: return skip_bytes(tag >> 3, depth);
      default: return false;
    }
  }

  bool skip_bytes(uint32_t field, int depth) {
    uint32_t length = 0;
    if (!stream_.ReadVarint32(&length)) return false;
    if (length > static_cast<uint32_t>(stream_.BytesUntilLimit())) return false;
    if (field < kFirstPartField) return stream_.Skip(static_cast<int>(length));
    if (++parts_ > limits::kPartsPerMessage || depth == limits::kPartDepth) {
      over_bounds_ = true;
      return false;
    }
    const auto outer = stream_.PushLimit(static_cast<int>(length));
    const bool walked = walk(depth + 1);
    stream_.PopLimit(outer);
    return walked;
  }

  google::protobuf::io::CodedInputStream stream_;
  size_t parts_ = 0;
  bool over_bounds_ = false;
};

}  // namespace

Result<void> check_part_count(std::string_view bytes) {
  if (bytes.size() > limits::kControlMessageBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "a control message has {} bytes, at most {} are allowed", bytes.size(),
                limits::kControlMessageBytes);
  }
  PartCounter counter(bytes);
  if (counter.walk(0)) return {};
  if (counter.over_bounds()) {
    return fail(ErrorCode::kInvalidArgument,
                "a control message has more than {} parts, or they nest deeper than {}",
                limits::kPartsPerMessage, limits::kPartDepth);
  }
  return fail(ErrorCode::kInvalidArgument, "a control message of {} bytes is damaged",
              bytes.size());
}

}  // namespace atoll_core::wire
