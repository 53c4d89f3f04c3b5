#include "transport/candidate_race.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "transport/numeric_address.h"
#include "transport/round_trip.h"

namespace atoll_core::transport {
namespace {

// Keeps now + timeout a time that exists.
constexpr std::chrono::hours kLongestTimeout{24};

// Says nothing about the remote party: this machine has no IPv6 to reach it with.
bool is_missing_ipv6(const tcp::endpoint& target, const std::error_code& error) {
  return target.protocol() == tcp::v6() &&
         (is_system_error(error, ENETUNREACH) || is_system_error(error, EADDRNOTAVAIL) ||
          is_system_error(error, EAFNOSUPPORT));
}

// On loopback the kernel may pick, as source of a connection to a port where nobody listens, this
// same port; then the socket is connected to itself.
bool is_connected_to_itself(const tcp::socket& socket) {
  std::error_code local_error;
  std::error_code remote_error;
  return socket.local_endpoint(local_error) == socket.remote_endpoint(remote_error) &&
         !local_error && !remote_error;
}

}  // namespace

void CandidateRace::Evidence::note(const std::string& sentence) {
  if (!sentences.empty()) sentences += "; ";
  sentences += sentence;
}

void CandidateRace::Evidence::add(size_t Evidence::*count, const std::string& sentence) {
  if (count != nullptr) ++(this->*count);
  note(sentence);
}

struct CandidateRace::Attempt {
  Attempt(asio::io_context& context, const tcp::endpoint& to)
      : socket(context), target(to), address(text_of(to)) {}

  tcp::socket socket;
  tcp::endpoint target;
  std::string address;
  wire::HelloBytes hello{};
  HelloBuffer answer;
};

std::shared_ptr<CandidateRace> CandidateRace::start(Loop& loop, RaceOptions options,
                                                    Handler handler) {
  auto race = std::shared_ptr<CandidateRace>(
      new CandidateRace(loop, std::move(options), std::move(handler)));
  asio::post(loop.context(), [race] { race->loop_.turn([&] { race->begin(); }); });
  return race;
}

CandidateRace::CandidateRace(Loop& loop, RaceOptions options, Handler handler)
    : loop_(loop),
      options_(std::move(options)),
      handler_(std::move(handler)),
      deadline_(loop.context()),
      stagger_(loop.context()) {}

void CandidateRace::cancel() {
  handler_ = nullptr;
  lookups_.clear();
  deadline_.cancel();
  stagger_.cancel();
  for (const AttemptPointer& attempt : attempts_) {
    std::error_code ignored;
    attempt->socket.close(ignored);
  }
  attempts_.clear();
}

void CandidateRace::begin() {
  if (!handler_) return;
  deadline_.expires_after(std::min<Duration>(options_.timeout, kLongestTimeout));
  deadline_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
    if (!cancelled) self->loop_.turn([&] { self->on_timeout(); });
  });
  if (options_.candidates.empty()) evidence_.note("there is no address to dial");
  if (options_.candidates.size() > limits::kEndpointsPerPeer) {
    options_.candidates.resize(limits::kEndpointsPerPeer);
  }
  for (const Endpoint& candidate : options_.candidates) {
    const auto addresses =
        numeric_addresses(candidate.host, options_.hello ? Zone::kTheirs : Zone::kOurs);
    if (!addresses) {
      evidence_.add(nullptr, addresses.error().message);
    } else if (!*addresses) {
      resolve(candidate);
    } else {
      for (const auto& address : **addresses) targets_.emplace_back(address, candidate.port);
    }
  }
  advance();
}

// What the lookup's thread gets is its own: this race, its loop and whoever has begun it may be
// gone when the name server answers.
void CandidateRace::resolve(const Endpoint& name) {
  resolving_.push_back(name);
  tell_waiting(fmt::format("the name '{}' could not be resolved so far", name.host));
  lookups_.push_back(options_.names->start(
      name.host, [door = loop_.door(), race = weak_from_this(), name](const names::Found& found) {
        door->post([race, name, found] {
          const auto self = race.lock();
          if (self) self->loop_.turn([&] { self->on_found(name, found); });
        });
      }));
}

void CandidateRace::on_found(const Endpoint& name, const names::Found& found) {
  if (!handler_) return;
  const auto ended = std::find(resolving_.begin(), resolving_.end(), name);
  if (ended != resolving_.end()) resolving_.erase(ended);
  if (found.addresses.empty()) {
    evidence_.add(&Evidence::silent,
                  fmt::format("the name '{}' has no address: {}", name.host, found.problem));
  }
  const size_t count = std::min(found.addresses.size(), kAddressesPerName);
  for (size_t i = 0; i < count; ++i) {
    targets_.push_back(endpoint_of(found.addresses[i], name.port));
  }
  advance();
}

void CandidateRace::tell_waiting(const std::string& what) const {
  if (options_.on_waiting) options_.on_waiting(what);
}

// Starts the next attempt, or ends the race when nothing is left to hope for.
void CandidateRace::advance() {
  if (!handler_) return;
  if (targets_.empty()) {
    if (attempts_.empty() && resolving_.empty()) finish_without_winner();
    return;
  }
  const tcp::endpoint target = targets_.front();
  targets_.pop_front();
  attempt(target);
  if (targets_.empty()) return;
  stagger_.expires_after(kStagger);
  stagger_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
    if (!cancelled) self->loop_.turn([&] { self->advance(); });
  });
}

void CandidateRace::attempt(const tcp::endpoint& target) {
  auto attempt = std::make_shared<Attempt>(loop_.context(), target);
  attempts_.push_back(attempt);
  tell_waiting(fmt::format("{} has not answered so far", attempt->address));
  std::error_code error;
  attempt->socket.open(target.protocol(), error);
  if (!error) set_buffer_sizes(attempt->socket.native_handle(), options_.buffer_sizes);
  if (error) {
    asio::post(loop_.context(), [self = shared_from_this(), attempt, error] {
      self->loop_.turn([&] { self->on_connected(attempt, error); });
    });
    return;
  }
  attempt->socket.async_connect(
      target, [self = shared_from_this(), attempt](const std::error_code& result) {
        self->loop_.turn([&] { self->on_connected(attempt, result); });
      });
}

void CandidateRace::on_connected(const AttemptPointer& attempt, const std::error_code& error) {
  if (!handler_) return;
  if (is_system_error(error, ECONNREFUSED)) {
    return give_up(attempt, &Evidence::refused,
                   fmt::format("{} refused the connection", attempt->address));
  }
  if (error) {
    const bool tells_nothing = is_missing_ipv6(attempt->target, error);
    return give_up(attempt, tells_nothing ? nullptr : &Evidence::silent,
                   fmt::format("{} cannot be reached: {}", attempt->address, words_of(error)));
  }
  if (is_connected_to_itself(attempt->socket)) {
    return give_up(attempt, &Evidence::refused,
                   fmt::format("nobody listens at {}", attempt->address));
  }
  tune_connection(attempt->socket.native_handle());
  if (!options_.hello) return win(attempt, std::nullopt);
  exchange_hello(attempt);
}

// A failed write shows again in the read.
void CandidateRace::exchange_hello(const AttemptPointer& attempt) {
  wire::encode_hello(*options_.hello, attempt->hello);
  asio::async_write(attempt->socket, asio::buffer(attempt->hello),
                    [self = shared_from_this(), attempt](const std::error_code&, size_t) {});
  async_read_hello(attempt->socket, attempt->answer,
                   [self = shared_from_this(), attempt](const Result<wire::Hello>& answer) {
                     self->loop_.turn([&] { self->on_answer(attempt, answer); });
                   });
}

void CandidateRace::on_answer(const AttemptPointer& attempt, const Result<wire::Hello>& answer) {
  if (!handler_) return;
  if (!answer) {
    // Only a whole answer of somebody else tells that the one who is meant is not there: a listener
    // that is overrun closes without an answer, and bytes may be damaged on their way.
    const ErrorCode code = answer.error().code;
    const bool stranger = code == ErrorCode::kMismatch || code == ErrorCode::kVersionMismatch;
    return give_up(attempt, stranger ? &Evidence::refused : &Evidence::silent,
                   fmt::format("no hello from {}: {}", attempt->address, answer.error().message));
  }
  const SessionId& meant = options_.hello->target_session;
  const bool anybody = meant == SessionId{};
  const bool ourselves = answer->session == options_.hello->session;
  if (anybody ? ourselves : answer->session != meant) {
    return give_up(
        attempt, &Evidence::refused,
        fmt::format("{} is held by session {} of peer {}, not by session {} of peer {}",
                    attempt->address, to_string(answer->session), to_string(answer->peer),
                    to_string(meant), to_string(options_.hello->target_peer)));
  }
  win(attempt, *answer);
}

void CandidateRace::give_up(const AttemptPointer& attempt, size_t Evidence::*count,
                            const std::string& sentence) {
  std::error_code ignored;
  attempt->socket.close(ignored);
  attempts_.remove(AttemptPointer(attempt));
  evidence_.add(count, sentence);
  if (count == &Evidence::refused) evidence_.refused_at.push_back(attempt->address);
  advance();
}

void CandidateRace::win(const AttemptPointer& attempt, std::optional<wire::Hello> answer) {
  RaceOutcome outcome;
  outcome.remote = attempt->address;
  outcome.answer = answer;
  outcome.rtt_us = round_trip_us(attempt->socket.native_handle());
  outcome.goes_by_rate = goes_by_rate(attempt->socket.native_handle());
  outcome.reason = fmt::format("reached at {}", attempt->address);
  outcome.socket = std::move(attempt->socket);
  finish(std::move(outcome));
}

void CandidateRace::on_timeout() {
  if (!handler_) return;
  for (const AttemptPointer& attempt : attempts_) {
    evidence_.add(&Evidence::silent, fmt::format("no answer from {} in {} ms", attempt->address,
                                                 to_ms(options_.timeout)));
  }
  for (const Endpoint& name : resolving_) {
    evidence_.add(&Evidence::silent, fmt::format("the name '{}' could not be resolved in {} ms",
                                                 name.host, to_ms(options_.timeout)));
  }
  for (const tcp::endpoint& target : targets_) {
    evidence_.add(&Evidence::silent, fmt::format("no time was left to try {}", text_of(target)));
  }
  finish_without_winner();
}

// Refused means that the remote party is dead, so one address that may be its own and does not
// answer is enough to doubt it: a private address may be somebody else's in this network.
void CandidateRace::finish_without_winner() {
  RaceOutcome outcome;
  const bool refused = evidence_.refused > 0 && evidence_.silent == 0;
  outcome.failure = refused ? DialFailure::kRefused : DialFailure::kUnreachable;
  outcome.refused_at = evidence_.refused_at;
  outcome.reason = evidence_.sentences;
  finish(std::move(outcome));
}

void CandidateRace::finish(RaceOutcome outcome) {
  const Handler handler = std::move(handler_);
  cancel();
  handler(std::move(outcome));
}

}  // namespace atoll_core::transport
