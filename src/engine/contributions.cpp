#include "engine/contributions.h"

#include <cstring>
#include <new>

namespace atoll_core::engine {

void Contributions::begin(size_t participants, size_t chunk_bytes_max) {
  forget();
  participants_ = participants;
  slots_.set_slot_bytes(chunk_bytes_max);
}

void Contributions::forget() {
  chunks_.clear();
  slots_.forget();
}

Contributions::Chunk& Contributions::chunk(const ElementRange& range) {
  Chunk& found = chunks_[range.begin];
  if (found.parts.empty()) found.parts.resize(participants_);
  return found;
}

std::byte* Contributions::place(const ElementRange& range, uint32_t from, size_t bytes) {
  Part& part = chunk(range).parts[from];
  if (part.place != nullptr) return part.place;
  if (small_) {
    try {
      part.owned = buffers_.take(bytes);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
    part.place = part.owned->data();
  } else {
    part.place = slots_.take(bytes);
  }
  return part.place;
}

bool Contributions::add(const ElementRange& range, uint32_t from, const link::Payload& elements) {
  if (small_ && elements.holder != nullptr) {
    Part& part = chunk(range).parts[from];
    part.owned = elements.holder;
    part.elements = elements.bytes;
    return true;
  }
  const ByteSpan bytes = elements.bytes;
  std::byte* to = place(range, from, bytes.size());
  if (to == nullptr) return false;
  if (to != bytes.data()) std::memcpy(to, bytes.data(), bytes.size());
  chunk(range).parts[from].elements = {to, bytes.size()};
  return true;
}

void Contributions::drop(const ElementRange& range) {
  const auto found = chunks_.find(range.begin);
  if (found == chunks_.end()) return;
  for (const Part& part : found->second.parts) {
    if (!small_ && part.place != nullptr) slots_.give_back(part.place);
  }
  chunks_.erase(found);
}

}  // namespace atoll_core::engine
