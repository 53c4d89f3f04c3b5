#include "transport/stream_connection.h"

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "transport/round_trip.h"
#include "transport/socket_options.h"
#include "transport/turn_timer.h"

namespace atoll_core::transport {
namespace {

// So much in one read, and as much or more to come, is a bulk transfer. A read that got less than
// it asked for has emptied the socket. In a bulk transfer, and in the middle of a frame of which so
// much has come, the next segments are there before a wait could be set up; otherwise waiting is
// the cheaper bet.
constexpr size_t kBulkRead = 32u << 10;
// After so many vain looks a connection does not carry much any more.
constexpr int kVainLooksMax = 8;

std::string error_text(int error) {
  return std::error_code(error, std::system_category()).message();
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// The system's view of a driver's spans.
template <class Span>
class Message {
 public:
  explicit Message(std::span<const Span> spans) {
    for (size_t i = 0; i < spans.size(); ++i) {
      vectors_[i] = {const_cast<std::byte*>(spans[i].data()), spans[i].size()};
      bytes_ += spans[i].size();
    }
    header_.msg_iov = vectors_.data();
    header_.msg_iovlen = spans.size();
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  msghdr* header() { return &header_; }
  size_t bytes() const { return bytes_; }

 private:
  std::array<iovec, kSpansMax> vectors_;
  msghdr header_{};
  size_t bytes_ = 0;
};

// Asio watches a socket for room to write in from its first wait for that on, which is the one for
// the connection; then each wait for something to read is first told that there is room. Handed
// over once more it is watched for room when it has had to wait for some.
tcp::socket watched_anew(Loop& loop, tcp::socket socket) {
  std::error_code error;
  const asio::ip::tcp protocol = socket.local_endpoint(error).protocol();
  if (error) return socket;  // gone already, which the first read finds
  const int handle = socket.release(error);
  if (error) return socket;
  tcp::socket again(loop.context());
  again.assign(protocol, handle, error);
  if (error) ::close(handle);
  return again;
}

template <class Call>
ssize_t without_interruption(Call&& call) {
  ssize_t result = 0;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

StreamConnection::StreamConnection(Loop& loop, tcp::socket socket, std::string remote)
    : loop_(loop),
      socket_(watched_anew(loop, std::move(socket))),
      remote_(std::move(remote)),
      reading_{tcp::socket::wait_read, &StreamConnection::read_some},
      writing_{tcp::socket::wait_write, &StreamConnection::write_some} {
  std::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  const int handle = socket_.native_handle();
  tune_connection(handle);
  long_way_ = is_long_way(handle);
  if (long_way_ && goes_by_rate(handle)) pacing_.emplace();
}

void StreamConnection::start(StreamDriver* driver) {
  driver_ = driver;
  wake(reading_);
  wake(writing_);
}

void StreamConnection::close() {
  if (!socket_.is_open()) return;
  driver_ = nullptr;
  std::error_code ignored;
  socket_.close(ignored);
  loop_.release(this);  // last: nobody else may hold this object
}

void StreamConnection::reset() {
  if (socket_.is_open()) cut_on_close(socket_.native_handle());
  close();
}

void StreamConnection::serve() {
  queued_ = false;
  if (reading_.flow == Flow::kReady) pump(reading_);
  if (writing_.flow == Flow::kReady) pump(writing_);
}

bool StreamConnection::read_what_came() {
  const Flow flow = reading_.flow;
  if (driver_ != nullptr && flow == Flow::kReady) pump(reading_);
  // The handler that is pending finds what is left, or that nothing is.
  if (driver_ != nullptr && flow == Flow::kWaiting) move(reading_, Flow::kWaiting);
  bulk_ = driver_ != nullptr && found_nothing_ < kVainLooksMax;
  return bulk_;
}

void StreamConnection::wake(Direction& direction) {
  if (driver_ == nullptr) return;
  if (direction.flow == Flow::kActive) direction.woken = true;
  if (direction.flow != Flow::kIdle) return;
  direction.flow = Flow::kReady;
  if (std::exchange(queued_, true)) return;
  loop_.add_ready(shared_from_this());
}

void StreamConnection::pump(Direction& direction) {
  const Step step = move(direction, Flow::kIdle);
  if (step == Step::kMore) wait_for_turn(direction);
  if (step == Step::kBlocked) wait_until_ready(direction);
  if (step == Step::kNothing && direction.woken) wake(direction);
  if (step == Step::kGone) wake(direction);  // for a driver that has taken over
}

StreamConnection::Step StreamConnection::move(Direction& direction, Flow after) {
  struct SetFlow {
    Flow& flow;
    Flow after;
    ~SetFlow() { flow = after; }
  };
  const SetFlow also_after_an_exception{direction.flow, after};
  direction.flow = Flow::kActive;
  direction.woken = false;
  Step step = Step::kMore;
  for (size_t moved = 0; step == Step::kMore && moved < kBytesPerTurn;) {
    step = (this->*direction.move_bytes)(moved);
  }
  return step;
}

void StreamConnection::wait_until_ready(Direction& direction) {
  direction.flow = Flow::kWaiting;
  socket_.async_wait(direction.readiness, [self = shared_from_this(), &direction](
                                              const std::error_code&) { self->resume(direction); });
}

void StreamConnection::wait_for_turn(Direction& direction) {
  direction.flow = Flow::kWaiting;
  asio::post(loop_.context(), [self = shared_from_this(), &direction] { self->resume(direction); });
}

// An error of the wait is found again, with its name, by the call that moves bytes.
void StreamConnection::resume(Direction& direction) {
  direction.flow = Flow::kIdle;
  if (driver_ == nullptr) return;
  loop_.turn([this, &direction] { pump(direction); });
}

StreamConnection::Step StreamConnection::write_some(size_t& moved) {
  loop_.read_bulk();
  StreamDriver* const driver = driver_;
  if (driver == nullptr) return Step::kGone;
  std::array<ByteSpan, kSpansMax> spans;
  const size_t count = driver->write_spans(spans);
  if (driver_ != driver) return Step::kGone;
  if (count == 0) return Step::kNothing;
  ATOLL_ASSERT(count <= kSpansMax, "count={}", count);
  Message<ByteSpan> message(std::span(spans.data(), count));
  ATOLL_ASSERT(message.bytes() > 0, "a driver offered {} empty spans to send", count);

  const int socket = socket_.native_handle();
  const ssize_t sent =
      without_interruption([&] { return ::sendmsg(socket, message.header(), MSG_NOSIGNAL); });
  if (sent < 0) {
    if (would_block(errno)) return Step::kBlocked;
    return fail(fmt::format("sending to {} failed: {}", remote_, error_text(errno)));
  }
  moved += static_cast<size_t>(sent);
  loop_.sent(static_cast<size_t>(sent));
  if (pacing_) adapt_pacing();
  driver->on_written(static_cast<size_t>(sent));
  if (driver_ != driver) return Step::kGone;
  // A short write has filled the socket: the next one would only be told so. On a long way the
  // socket is asked each time whether what it holds unsent has become little, since the system
  // adds to a segment that is not full without looking at that.
  const bool filled = static_cast<size_t>(sent) < message.bytes();
  return filled || long_way_ ? Step::kBlocked : Step::kMore;
}

StreamConnection::Step StreamConnection::read_some(size_t& moved) {
  StreamDriver* const driver = driver_;
  if (driver == nullptr) return Step::kGone;
  std::array<MutableByteSpan, kSpansMax> spans;
  const size_t count = driver->read_spans(spans);
  if (driver_ != driver) return Step::kGone;
  if (count == 0) return Step::kNothing;
  ATOLL_ASSERT(count <= kSpansMax, "count={}", count);
  Message<MutableByteSpan> message(std::span(spans.data(), count));
  ATOLL_ASSERT(message.bytes() > 0, "a driver offered {} empty spans to read into", count);

  const int socket = socket_.native_handle();
  const ssize_t got = without_interruption([&] { return ::recvmsg(socket, message.header(), 0); });
  if (got < 0) {
    ++found_nothing_;
    if (would_block(errno)) return Step::kBlocked;
    return fail(fmt::format("receiving from {} failed: {}", remote_, error_text(errno)));
  }
  if (got == 0) return fail(fmt::format("{} closed the connection", remote_));
  const auto bytes = static_cast<size_t>(got);
  moved += bytes;
  found_nothing_ = 0;
  const size_t missing = message.bytes() - bytes;
  const bool more_comes = missing == 0 || missing >= kBulkRead;
  if (bytes >= kBulkRead && more_comes && !std::exchange(bulk_, true)) {
    loop_.add_bulk(shared_from_this());
  }
  const bool intact = driver->on_read(bytes);
  if (driver_ != driver) return Step::kGone;
  if (!intact) return fail(fmt::format("from {}: {}", remote_, driver->broken_reason()));
  const bool under_way = bytes >= kBulkRead && (bulk_ || driver->expects_more());
  return missing == 0 || under_way ? Step::kMore : Step::kBlocked;
}

void StreamConnection::adapt_pacing() {
  const TimePoint now = steady_now();
  if (!pacing_->is_due(now)) return;
  if (const auto sample = pacing_sample(socket_.native_handle())) {
    limit_rate(socket_.native_handle(), pacing_->update(*sample, now));
  } else {
    pacing_.reset();  // this kernel does not count enough
  }
}

StreamConnection::Step StreamConnection::fail(const std::string& reason) {
  StreamDriver* const driver = driver_;
  close();
  driver->on_closed(reason);
  return Step::kGone;
}

}  // namespace atoll_core::transport
