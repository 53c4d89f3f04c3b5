// A call that was started and not waited for, as the Python half of Work holds it.
#pragma once

#include <optional>

#include "src/call.h"

namespace atoll_python {

class Work {
 public:
  explicit Work(CallPointer call) : call_(std::move(call)) {}
  // The call goes on, and keeps its arrays.
  ~Work();
  Work(Work&&) = default;

  const CallPointer& call() const { return call_; }

 private:
  CallPointer call_;
};

// The result, or a Work.
py::object waited_or_work(CallPointer call, bool wait);

void bind_work(py::module_& module);

}  // namespace atoll_python
