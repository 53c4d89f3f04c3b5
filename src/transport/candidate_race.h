// Reaches one of several addresses of the same remote party: attempts start one after another,
// kStagger apart or as soon as one has failed, run side by side, and the first that gets through
// wins. With a hello, to get through means to get the answer of the session that is meant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.h"
#include "base/limits.h"
#include "base/time.h"
#include "names/name_lookups.h"
#include "transport/asio_headers.h"
#include "transport/hello_io.h"
#include "transport/loop.h"
#include "transport/network.h"
#include "transport/socket_options.h"

namespace atoll_core::transport {

struct RaceOptions {
  std::vector<Endpoint> candidates;  // best first; names are looked up
  Duration timeout{};                // for all of it
  BufferSizes buffer_sizes;
  // Said on each connection; none: connecting is enough. With one, the candidates are what another
  // host says of itself, so that zones in them mean nothing here.
  std::optional<wire::Hello> hello;
  names::NameLookups* names = &names::NameLookups::of_system();
  std::function<void(std::string what)> on_waiting;  // what has not come yet; may be empty
};

struct RaceOutcome {
  std::optional<tcp::socket> socket;  // none: nobody was reached
  std::string remote;
  std::optional<wire::Hello> answer;
  uint64_t rtt_us = 0;  // the least so far; 0: not known
  bool goes_by_rate = false;  // the connection's congestion control
  DialFailure failure = DialFailure::kUnreachable;
  std::vector<std::string> refused_at;  // addresses
  std::string reason;
};

class CandidateRace : public std::enable_shared_from_this<CandidateRace> {
 public:
  using Handler = std::function<void(RaceOutcome outcome)>;

  static constexpr std::chrono::milliseconds kStagger{250};
  static constexpr size_t kAddressesPerName = limits::kAddressesPerName;

  // `handler` is called once in a turn of its own, never from within start.
  static std::shared_ptr<CandidateRace> start(Loop& loop, RaceOptions options, Handler handler);

  // Closes everything; the handler is not called.
  void cancel();

 private:
  // What the failed attempts tell about the remote party together.
  struct Evidence {
    size_t refused = 0;  // somebody answered, but not who was meant
    std::vector<std::string> refused_at;
    size_t silent = 0;   // may be there or not
    std::string sentences;
    void add(size_t Evidence::*count, const std::string& sentence);
    void note(const std::string& sentence);
  };
  struct Attempt;
  using AttemptPointer = std::shared_ptr<Attempt>;

  CandidateRace(Loop& loop, RaceOptions options, Handler handler);

  void begin();
  void resolve(const Endpoint& name);
  void on_found(const Endpoint& name, const names::Found& found);
  void tell_waiting(const std::string& what) const;
  void advance();
  void attempt(const tcp::endpoint& target);
  void on_connected(const AttemptPointer& attempt, const std::error_code& error);
  void exchange_hello(const AttemptPointer& attempt);
  void on_answer(const AttemptPointer& attempt, const Result<wire::Hello>& answer);
  void give_up(const AttemptPointer& attempt, size_t Evidence::*count, const std::string& sentence);
  void win(const AttemptPointer& attempt, std::optional<wire::Hello> answer);
  void on_timeout();
  void finish_without_winner();
  void finish(RaceOutcome outcome);

  Loop& loop_;
  RaceOptions options_;
  Handler handler_;  // empty: the race is over
  asio::steady_timer deadline_;
  asio::steady_timer stagger_;
  std::deque<tcp::endpoint> targets_;  // not tried yet
  std::list<AttemptPointer> attempts_;
  std::vector<Endpoint> resolving_;
  std::vector<names::NameLookups::Ticket> lookups_;
  Evidence evidence_;
};

}  // namespace atoll_core::transport
