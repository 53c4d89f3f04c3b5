#include "src/comm.h"

#include <algorithm>
#include <string>
#include <utility>

#include "src/gil.h"

namespace atoll_python {
namespace {

// So long calls may take to end after their communicator was given up.
constexpr double kToEndAfterAbort = 1.0;

Config config_of(const py::dict& given) {
  Config config;
  const auto take = [&given](const char* name, auto& field) {
    const py::object value = given[name];
    if (!value.is_none()) field = argument<std::decay_t<decltype(field)>>(value, name);
  };
  take("coordinator", config.coordinator);
  take("run", config.run);
  take("name", config.name);
  take("replica", config.replica);
  take("bind", config.bind);
  take("advertise", config.advertise);
  take("dump_on_error", config.dump_on_error);
  take("shard", config.shard);
  take("shard_count", config.shard_count);
  take("connections", config.connections);
  take("connect_timeout", config.connect_timeout);
  take("update_timeout", config.update_timeout);
  take("arrival_timeout", config.arrival_timeout);
  take("progress_timeout", config.progress_timeout);
  take("outcome_grace", config.outcome_grace);
  take("coordinator_timeout", config.coordinator_timeout);
  take("input_backup_bytes", config.input_backup_bytes);
  take("input_backup_limit_bytes", config.input_backup_limit_bytes);
  config.log = given["log"];
  return config;
}

py::object connect(const Comm& comm, bool wait) {
  const CallPointer call = comm.make_call();
  const atollComm_t handle = comm.get();
  call->start([=](atollRequest_t* request) { return atollCommConnectAsync(handle, request); });
  call->when_good = [](Call& one) { one.comm()->view.reset(); };
  return waited_or_work(call, wait);
}

py::object update(const Comm& comm, bool wait) {
  const CallPointer call = comm.make_call();
  call->results.view = std::make_unique<atollView_t>(atollView_t ATOLL_VIEW_INITIALIZER);
  const atollComm_t handle = comm.get();
  atollView_t* const view = call->results.view.get();
  call->when_good = [](Call& one) {
    one.comm()->view = *one.results.view;
    one.comm()->followed.reset();
  };
  call->kept.push_back(comm.handle()->followed);
  call->start([=](atollRequest_t* request) { return atollUpdateAsync(handle, view, request); });
  return waited_or_work(call, wait);
}

atollView_t view(const Comm& comm) {
  atollView_t now = ATOLL_VIEW_INITIALIZER;
  require(atollGetView(comm.get(), &now));
  return now;
}

uint64_t attribute(const Comm& comm, int which) {
  uint64_t value = 0;
  require(atollGetAttribute(comm.get(), static_cast<atollAttribute_t>(which), &value));
  return value;
}

// Texts of the library, whose size is asked first and may grow meanwhile.
template <class Format>
std::string formatted(Format&& format) {
  std::string text(4096, '\0');
  for (;;) {
    size_t needed = 0;
    const Outcome outcome = without_gil([&] {
      return outcome_of(format(text.data(), text.size(), &needed));
    });
    if (needed > text.size()) {
      text.resize(needed + 1024);
      continue;
    }
    require(outcome);
    text.resize(needed > 0 ? needed - 1 : 0);
    return text;
  }
}

std::string format_state(const Comm& comm) {
  return formatted([&](char* text, size_t capacity, size_t* needed) {
    return atollFormatState(comm.get(), text, capacity, needed);
  });
}

std::string coordinator_status(const std::string& address, double timeout) {
  const uint32_t timeout_ms = milliseconds_of(timeout, "timeout");
  return formatted([&](char* text, size_t capacity, size_t* needed) {
    return atollGetCoordinatorStatus(address.c_str(), timeout_ms, text, capacity, needed);
  });
}

template <atollResult_t (*kFunction)(atollComm_t)>
void simple(const Comm& comm) {
  const std::shared_ptr<CommHandle> handle = comm.handle();
  require(without_gil([&] { return outcome_of(kFunction(handle->get())); }));
}

}  // namespace

Comm::~Comm() {
  if (closing()) {
    (void)new std::shared_ptr<CommHandle>(std::move(handle_));
    return;
  }
  handle_->give_up(kToEndAfterAbort);
}

CallPointer Comm::make_call() const {
  handle_->get_ready();
  return std::make_shared<Call>(handle_);
}

uint64_t Comm::peer_id(py::handle peer, const char* what) const {
  if (py::isinstance(peer, hooks().peer_id)) return peer.cast<uint64_t>();
  const py::ssize_t rank = PyNumber_AsSsize_t(peer.ptr(), PyExc_OverflowError);
  if (rank == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  uint64_t id = 0;
  if (rank < 0 || rank > UINT32_MAX) {
    refuse(atollInvalidArgument, std::string(what) + " is " + std::to_string(rank) +
                                     ", which is no rank: they go from 0 to world - 1");
  }
  require(atollGetPeerAt(get(), static_cast<uint32_t>(rank), &id));
  return id;
}

uint64_t Comm::blocks(atollGroup_t group) const {
  const auto& view = handle_->view;
  if (!view) refuse(atollNotConnected, "this peer is in no view: call update() first");
  if (group == atollGroupAll) return view->world;
  return group == atollGroupReplica ? handle_->config().shard_count : view->replicas;
}

std::unique_ptr<OpInfo> Comm::room_for_info(bool with_ranges) const {
  auto room = std::make_unique<OpInfo>();
  const size_t world = handle_->view ? handle_->view->world : 64;
  const size_t ranges = with_ranges ? 64 : 1;
  room->ids.resize(world * ranges);
  room->weights.resize(world * ranges);
  room->ranges.resize(ranges);
  room->info.contributor_ids = room->ids.data();
  room->info.contributor_weights = room->weights.data();
  room->info.contributor_capacity = static_cast<uint32_t>(room->ids.size());
  room->info.ranges = room->ranges.data();
  room->info.range_capacity = static_cast<uint32_t>(ranges);
  return room;
}

void bind_comm(py::module_& module) {
  py::class_<Comm> comm(module, "Comm", "A communicator. See atoll.Communicator.");
  comm.def(py::init([](const py::dict& given) {
             return std::make_unique<Comm>(config_of(given));
           }), py::arg("config"))
      .def("connect", &connect, py::arg("wait"), "atollCommConnect")
      .def("update", &update, py::arg("wait"), "atollUpdate")
      .def("leave", &simple<atollCommLeave>, "atollCommLeave")
      .def("abort", &simple<atollCommAbort>, "atollCommAbort")
      .def("reset_connections", &simple<atollResetConnections>, "atollResetConnections")
      .def("view", &view, "atollGetView")
      .def("attribute", &attribute, py::arg("which"), "atollGetAttribute")
      .def("peer_at", [](const Comm& self, py::handle rank) {
             return hooks().peer_id(self.peer_id(rank, "rank"));
           }, py::arg("rank"), "atollGetPeerAt")
      .def("format_state", &format_state, "atollFormatState")
      .def("dump_state", [](const Comm& self, const std::optional<std::string>& path) {
             require(without_gil([&] {
               return outcome_of(atollDumpState(self.get(), path ? path->c_str() : nullptr));
             }));
           }, py::arg("path"), "atollDumpState");
  bind_collectives(comm);
  module.def("coordinator_status", &coordinator_status, py::arg("address"), py::arg("timeout"),
             "atollGetCoordinatorStatus");
  module.def("install_dump_signal", [](int number) {
    require(atollInstallDumpSignal(number));
  }, py::arg("signal_number"), "atollInstallDumpSignal");
}

}  // namespace atoll_python
