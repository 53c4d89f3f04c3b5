// The data plane's sockets on one Asio loop: a listener, dialling with several candidate
// addresses, and connections driven by StreamDrivers. Not thread-safe: everything, including the
// callbacks, happens on the thread that runs the loop, except post() and stop(). Threads may take
// turns in running it, as long as they see to it that one at a time does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/error.h"
#include "base/time.h"
#include "names/name_lookups.h"
#include "transport/stream_driver.h"
#include "wire/hello.h"

namespace atoll_core::transport {

// A connection whose hello exchange is over. Owned by the Network; valid until on_closed.
class Connection {
 public:
  virtual ~Connection() = default;
  // From now on `driver` is asked for spans. It must outlive the connection or be detached.
  virtual void start(StreamDriver* driver) = 0;
  virtual void wake_writer() = 0;     // there is something to send again
  virtual void resume_reading() = 0;  // read_spans has places again
  // Closes without calling on_closed. The object is gone after this call.
  virtual void close() = 0;
  // As close, but the other side is told with RST, and what was on its way is lost.
  virtual void reset() = 0;
  virtual const std::string& remote() const = 0;  // "10.0.0.7:4711"
};

struct AcceptedHello {
  wire::Hello hello;     // what the other side said
  wire::Hello answer;    // what it was told
  Connection* connection;
};

// Decides on an incoming hello: the answer to send back, and whether to keep the connection after
// the answer (false: it is closed once the answer is flushed, as for probes and wrong targets).
struct HelloAnswer {
  wire::Hello hello;
  bool keep = false;
};

enum class DialFailure : uint8_t {
  kRefused,      // at each address: connection refused, or the answer came from somebody else
  kUnreachable,  // no route, no answer in time, name not known
};

struct DialOutcome {
  Connection* connection = nullptr;  // null: failed, or a probe (closed after the answer)
  wire::Hello answer;                // valid when `answered`
  bool answered = false;
  uint64_t rtt_us = 0;               // the least round trip so far; 0: not known
  bool goes_by_rate = false;         // the connection's congestion control
  std::string address;               // where it answered: "10.0.0.7:4711"
  DialFailure failure = DialFailure::kUnreachable;
  std::vector<std::string> refused_at;  // the addresses where somebody answered, but not who was
                                        // meant
  std::string reason;                // names the address
};

struct NetworkConfig {
  std::string bind_host = "";        // empty: all addresses, IPv6 and IPv4
  uint16_t port = 0;                 // 0: the kernel chooses
  bool only_loopback = false;        // connections from other machines are closed at once
  Duration hello_timeout = std::chrono::milliseconds(5000);
  Duration bind_timeout = std::chrono::seconds(10);  // when bind_host is a name
  names::NameLookups* names = &names::NameLookups::of_system();
  // In the loop: what this process lacks, for its log. May be empty.
  std::function<void(const std::string& sentence)> on_trouble;
  size_t socket_send_buffer = 0;     // bytes; 0: the kernel's default
  size_t socket_receive_buffer = 0;
};

class Network {
 public:
  using HelloHandler = std::function<HelloAnswer(const wire::Hello& hello)>;
  using AcceptHandler = std::function<void(AcceptedHello accepted)>;
  using DialHandler = std::function<void(DialOutcome outcome)>;
  using TimerHandler = std::function<void()>;
  struct ControlEnds {
    Endpoint local;  // as addresses; a link-local one with its zone
    Endpoint remote;
  };
  struct ControlHandler {
    // While dialling: what has not come yet, as a sentence. May be empty.
    std::function<void(const std::string& what)> on_waiting;
    std::function<void(const ControlEnds& ends)> on_connected;
    std::function<void(ByteSpan bytes)> on_bytes;
    std::function<void(const std::string& reason)> on_failed;  // dial failed or connection broken
  };

  static Result<std::unique_ptr<Network>> create(NetworkConfig config, HelloHandler on_hello,
                                                 AcceptHandler on_accept);
  virtual ~Network() = default;

  virtual uint16_t listening_port() const = 0;

  // Tries the candidates one after another with overlapping starts (250 ms apart) and keeps the
  // first that completes the hello exchange; the others are closed. `hello` is what we say.
  // An answer from another session than hello.target_session counts as refused.
  virtual void dial(std::vector<Endpoint> candidates, wire::Hello hello, Duration timeout,
                    DialHandler handler) = 0;

  // The one control connection: opened with on_connected, then bytes as they come. TCP_NODELAY.
  virtual void open_control(std::vector<Endpoint> candidates, Duration timeout,
                            ControlHandler handler) = 0;
  virtual void send_control(std::string bytes) = 0;  // queued; flushed in order
  // What beat() is to send over the control connection that there is.
  virtual void set_pulse(std::string heartbeat, Duration interval) = 0;
  // Any thread: sends the heartbeat when one is overdue, because the loop stands still.
  virtual void beat() = 0;
  virtual void close_control() = 0;                  // after a short flush; handlers are dropped

  // Calls the handler once at `when` (steady clock as time since its epoch); replaces the last one.
  virtual void set_timer(TimePoint when, TimerHandler handler) = 0;
  static TimePoint now();

  // Any thread.
  virtual void post(std::function<void()> task) = 0;
  virtual void stop() = 0;
  // Runs until stop(). Exceptions from callbacks come out of it.
  virtual void run() = 0;
  // Calls it at once, as the loop would.
  virtual void take_turn(const std::function<void()>& callback) = 0;
  // Does what is ready, without waiting; if there was something, then also what comes until nothing
  // has for `quiet`. Whether there was something.
  virtual bool run_ready(Duration quiet) = 0;
  // Runs until `done()`, which is asked after each event, or until stop().
  virtual void run_until(const std::function<bool()>& done) = 0;
  // And no longer than until then.
  virtual void run_until(const std::function<bool()>& done, TimePoint then) = 0;
  // What was to be sent on the control connection has been handed to the system, and no
  // connection waits to be served.
  virtual bool at_rest() const = 0;
};

}  // namespace atoll_core::transport
