// The Python object `_core.Coordinator`, behind atoll.Coordinator: it works on a thread of its own.
#include "src/coordinator.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "src/comm_handle.h"
#include "src/gil.h"

namespace atoll_python {
namespace {

using std::chrono::milliseconds;

class Coordinator {
 public:
  explicit Coordinator(const py::dict& given) {
    atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
    const auto text = [&given](const char* name) {
      const py::object value = given[name];
      return value.is_none() ? std::string() : argument<std::string>(value, name);
    };
    const auto seconds = [&given](const char* name) {
      return milliseconds_of(argument<double>(given[name], name), name);
    };
    const auto or_null = [](const std::string& one) { return one.empty() ? nullptr : one.c_str(); };
    const std::string listen = text("listen"), run = text("run"), folder = text("state_dir"),
                      instance = text("instance");
    config.listen = or_null(listen);
    config.run = or_null(run);
    config.state_dir = or_null(folder);
    config.instance = or_null(instance);
    config.insecure = given["insecure"].cast<bool>() ? 1 : 0;
    config.new_run = given["new_run"].cast<bool>() ? 1 : 0;
    config.accept_lower_revision = given["accept_lower_revision"].cast<bool>() ? 1 : 0;
    config.min_replicas = argument<uint32_t>(given["min_replicas"], "min_replicas");
    config.heartbeat_ms = seconds("heartbeat");
    config.peer_timeout_ms = seconds("peer_timeout");
    config.rejoin_window_ms = seconds("rejoin_window");
    require(without_gil([&] { return outcome_of(atollCoordinatorCreate(&handle_, &config)); }));
    const char* address = nullptr;
    require(atollCoordinatorGetAddress(handle_, &address));
    address_ = address;
    serving_ = std::make_shared<Serving>();
    thread_ = std::thread([handle = handle_, serving = serving_] {
      const Outcome outcome = outcome_of(atollCoordinatorRun(handle));
      const std::lock_guard<std::mutex> lock(serving->mutex);
      serving->outcome = outcome;
      serving->changed.notify_all();
    });
  }

  ~Coordinator() {
    if (handle_ == nullptr) return;
    // It goes on to the end of the process; in a child it is not there.
    if (closing() || !origin_.is_here()) (void)new std::thread(std::move(thread_));
    else stop();
  }

  const std::string& address() const { return address_; }

  // Waits for the end, at most so long; whether it has come. Throws what it has ended with.
  bool wait(std::optional<double> timeout_s) {
    using Clock = std::chrono::steady_clock;
    const auto began = Clock::now();
    for (;;) {
      const auto serving = serving_;
      const bool ended = without_gil([&] {
        std::unique_lock<std::mutex> lock(serving->mutex);
        return serving->changed.wait_for(lock, milliseconds(50),
                                         [&] { return serving->outcome.has_value(); });
      });
      if (ended) {
        require(*serving->outcome);
        return true;
      }
      handle_signals();
      if (timeout_s && Clock::now() - began >= std::chrono::duration<double>(*timeout_s)) {
        return false;
      }
    }
  }

  void stop() {
    if (handle_ == nullptr) return;
    if (!origin_.is_here()) {
      refuse(atollInvalidUsage, "this coordinator belongs to the process from which this one was "
                                "forked");
    }
    const atollCoordinator_t handle = std::exchange(handle_, nullptr);
    without_gil([&] {
      atollCoordinatorStop(handle);
      thread_.join();
      return atollCoordinatorDestroy(handle);
    });
  }

 private:
  struct Serving {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Outcome> outcome;
  };

  const Origin origin_;
  atollCoordinator_t handle_ = nullptr;
  std::string address_;
  std::shared_ptr<Serving> serving_;
  std::thread thread_;
};

}  // namespace

void bind_coordinator(py::module_& module) {
  py::class_<Coordinator>(module, "Coordinator", "A coordinator. See atoll.Coordinator.")
      .def(py::init<const py::dict&>(), py::arg("config"))
      .def("address", &Coordinator::address, "atollCoordinatorGetAddress")
      .def("wait", &Coordinator::wait, py::arg("timeout"), "Whether it has ended.")
      .def("stop", &Coordinator::stop, "atollCoordinatorStop");
}

}  // namespace atoll_python
