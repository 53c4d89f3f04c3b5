#include "transport/control_pulse.h"

#include <sys/socket.h>

#include <utility>

#include "process/thread.h"

namespace atoll_core::transport {

void ControlPulse::begin(int descriptor) {
  const process::SignalsBlocked blocked;
  const std::lock_guard<std::mutex> lock(mutex_);
  descriptor_ = descriptor;
  whole_ = true;
  heartbeat_.clear();
  rest_.clear();
}

void ControlPulse::end() {
  const process::SignalsBlocked blocked;
  const std::lock_guard<std::mutex> lock(mutex_);
  descriptor_ = -1;
}

void ControlPulse::set(std::string heartbeat, Duration interval) {
  const process::SignalsBlocked blocked;
  const std::lock_guard<std::mutex> lock(mutex_);
  heartbeat_ = std::move(heartbeat);
  interval_ = interval;
}

void ControlPulse::write(TimePoint now, std::string& queue, const std::function<bool()>& send) {
  const process::SignalsBlocked blocked;
  const std::lock_guard<std::mutex> lock(mutex_);
  queue.insert(0, std::exchange(rest_, {}));
  whole_ = send();
  written_ = now;
}

void ControlPulse::set_whole(bool whole) {
  const process::SignalsBlocked blocked;
  const std::lock_guard<std::mutex> lock(mutex_);
  whole_ = whole && rest_.empty();
}

void ControlPulse::beat(TimePoint now) {
  const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  if (!lock || descriptor_ < 0 || !whole_ || heartbeat_.empty()) return;
  if (now - written_ < interval_ + interval_ / 2) return;
  const ssize_t sent =
      ::send(descriptor_, heartbeat_.data(), heartbeat_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent <= 0) return;  // the loop finds out
  written_ = now;
  rest_ = heartbeat_.substr(static_cast<size_t>(sent));
  whole_ = rest_.empty();
}

}  // namespace atoll_core::transport
