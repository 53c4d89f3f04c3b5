#include "src/notifier.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "src/gil.h"

namespace atoll_python {

Notifier::Notifier() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) {
    refuse(atollSystemError, std::string("the system gives no eventfd: ") + std::strerror(errno));
  }
}

Notifier::~Notifier() { close(descriptor_); }

void Notifier::put(uint64_t token) {
  const std::lock_guard<std::mutex> lock(mutex_);
  tokens_.push_back(token);
  (void)!write(descriptor_, "\1\0\0\0\0\0\0\0", 8);
}

std::vector<uint64_t> Notifier::take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  uint64_t count = 0;
  (void)!read(descriptor_, &count, sizeof(count));
  return std::move(tokens_);
}

void Notifier::wait(int timeout_ms) const {
  pollfd ready = {descriptor_, POLLIN, 0};
  poll(&ready, 1, timeout_ms);
}

void bind_notifier(py::module_& module) {
  py::class_<Notifier, std::shared_ptr<Notifier>>(
      module, "Notifier", "Collects the tokens of calls that have ended. For event loops.")
      .def(py::init<>())
      .def("fileno", &Notifier::descriptor, "Readable when there is something to take.")
      .def("put", &Notifier::put, py::arg("token"))
      .def("take", [](Notifier& notifier) {
             py::list tokens;
             for (const uint64_t token : notifier.take()) tokens.append(token);
             return tokens;
           }, "The tokens that were put since the last time. Never waits.")
      .def("wait", [](const std::shared_ptr<Notifier>& notifier, int timeout_ms) {
             without_gil([&] {
               notifier->wait(timeout_ms);
               return 0;
             });
           }, py::arg("timeout_ms"), "Until there is something to take, or so long.");
}

}  // namespace atoll_python
