#include "src/work.h"

#include <utility>

#include "src/gil.h"
#include "src/notifier.h"

namespace atoll_python {

Work::~Work() {
  if (call_ == nullptr) return;
  if (closing() || !call_->ended()) {
    keep_until_ended(std::move(call_));
    return;
  }
  try {
    call_->result();
  } catch (py::error_already_set&) {
    // Nobody has asked for it.
  }
}

py::object waited_or_work(CallPointer call, bool wait) {
  if (!wait) return py::cast(Work(std::move(call)), py::return_value_policy::move);
  wait_for(call, {});
  return call->result();
}

void bind_work(py::module_& module) {
  py::class_<Work>(module, "Work", "A call in flight. See atoll.Work.")
      .def("wait", [](Work& work, std::optional<double> timeout) {
             const CallPointer call = work.call();
             return wait_for(call, timeout);
           }, py::arg("timeout") = py::none(),
           "Waits for the end, at most so many seconds; whether it has come.")
      .def("ended", [](Work& work) { return work.call()->ended(); }, "Never waits.")
      .def("result", [](Work& work) { return work.call()->result(); },
           "Of a call that has ended: what it returns, or raises.")
      .def("cancel", [](Work& work) { work.call()->cancel(); },
           "Asks for the call to be ended on all members.")
      .def("notify", [](Work& work, const std::shared_ptr<Notifier>& notifier, uint64_t token) {
             work.call()->notify([notifier, token] { notifier->put(token); });
           }, py::arg("notifier"), py::arg("token"),
           "Puts the token into the notifier when the call has ended.");
}

}  // namespace atoll_python
