#include "src/state.h"

#include <utility>

#include "src/gil.h"

namespace atoll_python {
namespace {

class State {
 public:
  std::shared_ptr<StateHandle> handle = std::make_shared<StateHandle>();

  ~State() {
    // While the interpreter ends it may still be in use.
    if (closing()) (void)new std::shared_ptr<StateHandle>(std::move(handle));
  }
};

void add(State& state, const std::string& name, py::handle tensor) {
  auto array = plain_array(tensor, "the tensor '" + name + "'");
  require(atollStateAddTensor(state.handle->state, name.c_str(), array->data(),
                              array->element().type, array->count()));
  state.handle->arrays.push_back(std::move(array));
}

// A sync may have the state at this moment: that is waited for, without the GIL.
template <class Function>
void guarded(State& state, Function&& function) {
  const std::shared_ptr<StateHandle> handle = state.handle;
  require(without_gil([&] { return outcome_of(function(handle->state)); }));
}

uint64_t revision(State& state) {
  uint64_t number = 0;
  guarded(state, [&](atollState_t one) { return atollStateGetRevision(one, &number); });
  return number;
}

py::object sync(const Comm& comm, State& state, int strategy, uint64_t tag, double deadline,
                bool wait) {
  atollSyncOptions_t options = ATOLL_SYNC_OPTIONS_INITIALIZER;
  options.strategy = static_cast<atollSyncStrategy_t>(strategy);
  options.tag = tag;
  options.deadline_ms = milliseconds_of(deadline, "deadline");
  const CallPointer call = comm.make_call();
  call->kept.push_back(state.handle);
  call->results.sync = std::make_unique<atollSyncInfo_t>(
      atollSyncInfo_t ATOLL_SYNC_INFO_INITIALIZER);
  atollSyncInfo_t* const info = call->results.sync.get();
  const atollComm_t handle = comm.get();
  const atollState_t one = state.handle->state;
  call->start([&](atollRequest_t* request) {
    return atollSyncStateAsync(handle, one, &options, info, request);
  });
  return waited_or_work(call, wait);
}

void follow(const Comm& comm, State& state, uint64_t tag, double level_timeout) {
  atollFollowOptions_t options = ATOLL_FOLLOW_OPTIONS_INITIALIZER;
  options.tag = tag;
  options.level_timeout_ms = milliseconds_of(level_timeout, "level_timeout");
  require(atollFollowState(comm.get(), state.handle->state, &options));
  comm.handle()->followed = state.handle;
}

}  // namespace

StateHandle::StateHandle() { require(atollStateCreate(&state)); }

StateHandle::~StateHandle() {
  if (!closing()) atollStateDestroy(state);
}

std::unique_ptr<Array> plain_array(py::handle object, const std::string& what) {
  auto array = std::make_unique<Array>(object, what);
  if (array->read_only()) refuse(atollInvalidArgument, what + " is read-only");
  if (!array->contiguous()) {
    refuse(atollInvalidArgument, what + ", of shape " + array->shape_text() + ", is not contiguous "
           "in C order; what is kept between calls has to be");
  }
  return array;
}

void bind_state(py::module_& module) {
  py::class_<State>(module, "State", "A shared state. See atoll.SharedState.")
      .def(py::init<>())
      .def("add", &add, py::arg("name"), py::arg("tensor"), "atollStateAddTensor")
      .def("begin_write", [](State& state) { guarded(state, atollStateBeginWrite); },
           "atollStateBeginWrite")
      .def("publish", [](State& state, uint64_t number) {
             guarded(state, [=](atollState_t one) { return atollStatePublish(one, number); });
           }, py::arg("revision"), "atollStatePublish")
      .def("revision", &revision, "atollStateGetRevision")
      .def("sync", [](State& state, const Comm& comm, int strategy, uint64_t tag, double deadline,
                      bool wait) { return sync(comm, state, strategy, tag, deadline, wait); },
           py::arg("comm"), py::arg("strategy"), py::arg("tag"), py::arg("deadline"),
           py::arg("wait"), "atollSyncState")
      .def("follow", [](State& state, const Comm& comm, uint64_t tag, double level_timeout) {
             follow(comm, state, tag, level_timeout);
           }, py::arg("comm"), py::arg("tag"), py::arg("level_timeout"), "atollFollowState");
}

}  // namespace atoll_python
