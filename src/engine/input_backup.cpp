#include "engine/input_backup.h"

#include <utility>

#include "codec/stage.h"

namespace atoll_core::engine {

InputBackup::~InputBackup() {
  forget();
  pool_.unreserve(reserved_);
}

bool InputBackup::reserve() {
  if (!enabled_) return true;
  if (!pool_.reserve(tensors_.total_bytes())) return false;
  reserved_ = tensors_.total_bytes();
  return true;
}

bool InputBackup::keep(const ElementRange& range) {
  if (!enabled_ || kept_.count(range.begin) != 0) return true;
  const size_t bytes = tensors_.bytes_of(range);
  if (slabs_.empty() || slabs_.back().size - filled_ < bytes) {
    BackupSlab slab = pool_.take(bytes);
    if (slab.bytes == nullptr) return false;
    slabs_.push_back(std::move(slab));
    filled_ = 0;
  }
  std::byte* to = slabs_.back().bytes.get() + filled_;
  // In-place or not is a matter of each tensor; where it is not, this keeps what nobody needs.
  codec::copy_out(tensors_, codec::Side::kSink, range, {to, bytes});
  kept_.emplace(range.begin, Kept{range, to});
  filled_ += bytes;
  return true;
}

void InputBackup::restore() {
  for (const auto& [begin, kept] : kept_) {
    codec::copy_in(tensors_, kept.range, {kept.bytes, tensors_.bytes_of(kept.range)});
  }
  forget();
}

void InputBackup::forget() {
  kept_.clear();
  for (BackupSlab& slab : slabs_) pool_.give_back(std::move(slab));
  slabs_.clear();
  filled_ = 0;
}

}  // namespace atoll_core::engine
