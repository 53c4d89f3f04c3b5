#include "engine/input_backup.h"

#include "codec/stage.h"

namespace atoll_core::engine {

void InputBackup::keep(const ElementRange& range) {
  if (!enabled_ || !kept_.emplace(range.begin, range).second) return;
  const size_t element = size_of(tensors_.type());
  if (bytes_ == nullptr) {
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(tensors_.total_count() * element);
  }
  // In-place or not is a matter of each tensor; where it is not, this keeps what nobody needs.
  codec::copy_out(tensors_, codec::Side::kSink, range,
                  {bytes_.get() + range.begin * element, range.count() * element});
}

void InputBackup::restore() {
  const size_t element = size_of(tensors_.type());
  for (const auto& [begin, range] : kept_) {
    codec::copy_in(tensors_, range, {bytes_.get() + begin * element, range.count() * element});
  }
  kept_.clear();
}

}  // namespace atoll_core::engine
