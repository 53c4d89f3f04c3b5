#include "engine/input_backup.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "codec/stage.h"

namespace atoll_core::engine {

uint64_t BackupWindow::bytes() const {
  const uint64_t slab = std::max<uint64_t>(slot_bytes, BackupPool::kSlabBytes);
  const uint64_t slots_per_slab = slab / slot_bytes;
  return (slots + slots_per_slab - 1) / slots_per_slab * slab;
}

InputBackup::~InputBackup() {
  forget();
  pool_.unreserve(reserved_);
}

bool InputBackup::reserve(const std::optional<BackupWindow>& window) {
  if (!enabled_) return true;
  needed_ = tensors_.total_bytes();
  if (window && window->bytes() < needed_) {
    needed_ = window->bytes();
    slot_bytes_ = window->slot_bytes;
  }
  if (!pool_.reserve(needed_)) return false;
  reserved_ = needed_;
  return true;
}

std::byte* InputBackup::place_for(size_t bytes) {
  if (!free_.empty()) {
    std::byte* slot = free_.back();
    free_.pop_back();
    return slot;
  }
  ATOLL_ASSERT(slot_bytes_ == 0 || bytes <= slot_bytes_, "{} of {} bytes", bytes, slot_bytes_);
  const size_t taken = slot_bytes_ == 0 ? bytes : slot_bytes_;
  if (slabs_.empty() || slabs_.back().size - filled_ < taken) {
    BackupSlab slab = pool_.take(taken);
    if (slab.bytes == nullptr) return nullptr;
    slabs_.push_back(std::move(slab));
    filled_ = 0;
  }
  std::byte* place = slabs_.back().bytes.get() + filled_;
  filled_ += taken;
  return place;
}

bool InputBackup::keep(const ElementRange& range) {
  if (!enabled_ || kept_.count(range.begin) != 0) return true;
  const size_t bytes = tensors_.bytes_of(range);
  std::byte* to = place_for(bytes);
  if (to == nullptr) return false;
  // In-place or not is a matter of each tensor; where it is not, this keeps what nobody needs.
  codec::copy_out(tensors_, codec::Side::kSink, range, {to, bytes});
  kept_.emplace(range.begin, Kept{range, to});
  return true;
}

void InputBackup::restore() {
  for (const auto& [begin, kept] : kept_) {
    codec::copy_in(tensors_, kept.range, {kept.bytes, tensors_.bytes_of(kept.range)});
  }
  forget();
}

void InputBackup::drop_below(uint64_t element) {
  const auto end = kept_.lower_bound(element);
  for (auto kept = kept_.begin(); slot_bytes_ != 0 && kept != end; ++kept) {
    free_.push_back(kept->second.bytes);
  }
  kept_.erase(kept_.begin(), end);
}

void InputBackup::forget() {
  kept_.clear();
  free_.clear();
  for (BackupSlab& slab : slabs_) pool_.give_back(std::move(slab));
  slabs_.clear();
  filled_ = 0;
}

}  // namespace atoll_core::engine
