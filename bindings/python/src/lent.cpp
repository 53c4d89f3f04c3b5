// Arrays as calls take them.
#include "src/call.h"

namespace atoll_python {

Lent::Lent(py::handle object, const std::string& what, Use use, bool dense)
    : array_(std::make_unique<Array>(object, what)), use_(use) {
  const Array& array = *array_;
  const bool target = use == Use::kTarget;
  if (target && array.read_only()) {
    refuse(atollInvalidArgument, what + " is read-only, and the call would write to it");
  }
  if (target && !array.elements_apart()) {
    refuse(atollInvalidArgument,
           what + ", of shape " + array.shape_text() + ", has elements that share memory, as an "
           "expanded or broadcast array has: give the call a copy of it");
  }
  if (array.contiguous()) return;
  if (dense) {
    if (!array.dense()) {
      refuse(atollInvalidArgument,
             what + ", of shape " + array.shape_text() + ", has gaps or runs backwards: "
             "layout=\"dense\" is for memory without gaps, the default copies");
    }
    order_ = array.order();
    return;
  }
  copy_.reset(new std::byte[array.bytes()]);
}

void Lent::fill_copy() const {
  if (copy_) array_->copy_to(copy_.get());
}

void Lent::write_back() const {
  if (copy_ && use_ == Use::kTarget) array_->copy_from(copy_.get());
}

}  // namespace atoll_python
