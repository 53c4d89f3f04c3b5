#include "engine/input_backup.h"

#include <algorithm>

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
  needed_ = 0;
  for (const codec::TensorView& tensor : tensors_.tensors()) {
    if (tensor.sink != nullptr) needed_ += tensor.count * tensors_.element_bytes();
  }
  if (window && window->bytes() < needed_) {
    needed_ = window->bytes();
    slots_.set_slot_bytes(window->slot_bytes);
  }
  if (!pool_.reserve(needed_)) return false;
  reserved_ = needed_;
  return true;
}

bool InputBackup::keep(const ElementRange& range) {
  if (!enabled_ || kept_.count(range.begin) != 0) return true;
  const size_t bytes = tensors_.bytes_of(range);
  std::byte* to = slots_.take(bytes);
  if (to == nullptr) return false;
  // In-place or not is a matter of each tensor; where it is not, this keeps what nobody needs.
  codec::copy_aside(tensors_, codec::Side::kSink, range, {to, bytes});
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
  for (auto kept = kept_.begin(); kept != end; ++kept) slots_.give_back(kept->second.bytes);
  kept_.erase(kept_.begin(), end);
}

void InputBackup::forget() {
  kept_.clear();
  slots_.forget();
}

}  // namespace atoll_core::engine
