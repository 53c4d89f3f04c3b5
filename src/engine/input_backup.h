// What an in-place call overwrites, kept until its verdict. A range is kept once, just before its
// first byte is overwritten; ranges are a schedule's chunks, so equal beginnings mean equal ranges.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/element.h"
#include "codec/tensor_list.h"

namespace atoll_core::engine {

class InputBackup {
 public:
  // `enabled`: false for calls that overwrite no input, or whose input is disposable.
  InputBackup(const codec::TensorList& tensors, bool enabled)
      : tensors_(tensors), enabled_(enabled) {}

  void keep(const ElementRange& range);
  // Puts everything back and forgets it.
  void restore();

 private:
  const codec::TensorList& tensors_;
  const bool enabled_;
  // One piece of memory as long as the call; pages that are never written cost nothing.
  std::unique_ptr<std::byte[]> bytes_;
  std::map<uint64_t, ElementRange> kept_;  // by begin
};

}  // namespace atoll_core::engine
