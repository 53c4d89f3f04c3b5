// A peer's end of a control connection for tests: blocking, every wait has a deadline.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/endpoint.h"
#include "wire/control.h"
#include "wire/control_framing.h"

namespace atoll_core::coordinator {

inline constexpr std::chrono::seconds kPatience{30};

class ControlClient {
 public:
  // Dials a loopback address.
  explicit ControlClient(const Endpoint& server);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  void send_raw(std::string_view bytes);
  void send_preamble() { send_raw(wire::kControlPreamble); }
  void send(const wire::ToCoordinator& message);
  void shut_sending();
  // Ends the connection by a reset instead of an orderly close.
  void reset();
  void close();

  // The next message; none when the server has closed the connection. Throws when neither comes.
  std::optional<wire::ToPeer> receive();

  // The next message of type T; others before it are skipped.
  template <class T>
  std::optional<T> receive_a() {
    while (auto message = receive()) {
      if (const T* wanted = std::get_if<T>(&*message)) return *wanted;
    }
    return std::nullopt;
  }

 private:
  int socket_ = -1;
  wire::ControlFramer framer_;
  std::deque<wire::ToPeer> received_;
};

// What a peer says first; its session and name follow from `number`.
wire::Register register_message(uint32_t number, std::string run = "");
std::string framed(const wire::ToCoordinator& message);

}  // namespace atoll_core::coordinator
