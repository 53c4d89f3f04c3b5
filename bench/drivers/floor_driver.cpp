// What plain sockets can do: a ring all-reduce with nothing around it. One thread, non-blocking
// sockets with their default buffers, up to four connections that share the data, both ways at
// once. No headers, checksums, agreement or copies of the input. It waits in poll, and never spins.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/drivers/driver.h"
#include "bench/drivers/sockets.h"

namespace {

using driver::check;

constexpr unsigned kConnections = 4;
constexpr uint64_t kLeastBytesPerConnection = 64 << 10;
constexpr size_t kPieceBytes = 256 << 10;  // received pieces are added while they are in the cache

// One connection's share of the data as it goes around the ring: in 2 (world - 1) steps, of which
// the first half adds. What is received in one step is what is sent in the next.
class Stream {
 public:
  Stream(int in, int out, float* data, uint64_t count, unsigned rank, unsigned world)
      : in_(in), out_(out), data_(reinterpret_cast<char*>(data)), count_(count), rank_(rank),
        world_(world) {}

  void begin() { send_step_ = send_done_ = receive_step_ = receive_done_ = kept_ = 0; }
  bool sent() const { return send_step_ == steps(); }
  bool received() const { return receive_step_ == steps(); }
  bool may_send() const { return !sent() && sendable() > 0; }
  int in() const { return in_; }
  int out() const { return out_; }

  // Whether any byte has moved.
  bool receive(std::vector<char>& scratch) {
    skip_empty();
    if (received()) return false;
    const bool adds = receive_step_ < world_ - 1;
    const auto [begin, end] = segment(rank_ + world_ - 1, receive_step_);
    char* target = data_ + begin + receive_done_;
    const size_t left = end - begin - receive_done_;
    char* place = adds ? scratch.data() + kept_ : target;
    const size_t room = adds ? std::min(left, kPieceBytes) - kept_ : left;
    if (adds) std::memcpy(scratch.data(), partial_, kept_);
    const ssize_t got = ::recv(in_, place, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    check(static_cast<int>(std::min<ssize_t>(got, 1)), "recv");
    if (got == 0) throw std::runtime_error("the other end has closed");
    if (adds) {
      const size_t all = kept_ + static_cast<size_t>(got);
      const size_t whole = all / sizeof(float) * sizeof(float);
      add(reinterpret_cast<float*>(target), reinterpret_cast<const float*>(scratch.data()),
          whole / sizeof(float));
      kept_ = all - whole;
      std::memcpy(partial_, scratch.data() + whole, kept_);
      receive_done_ += whole;
    } else {
      receive_done_ += static_cast<size_t>(got);
    }
    skip_empty();
    return true;
  }

  bool send() {
    skip_empty();
    if (!may_send()) return false;
    const auto [begin, end] = segment(rank_, send_step_);
    const ssize_t put = ::send(out_, data_ + begin + send_done_, sendable(), MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    check(static_cast<int>(std::min<ssize_t>(put, 1)), "send");
    send_done_ += static_cast<size_t>(put);
    skip_empty();
    return true;
  }

 private:
  struct Range {
    uint64_t begin, end;  // bytes
  };

  unsigned steps() const { return 2 * (world_ - 1); }
  Range segment(unsigned first, unsigned step) const {
    const uint64_t index = (first + 2 * world_ - step) % world_;
    return {count_ * index / world_ * sizeof(float), count_ * (index + 1) / world_ * sizeof(float)};
  }
  size_t sendable() const {
    const auto [begin, end] = segment(rank_, send_step_);
    const bool whole = send_step_ == 0 || send_step_ - 1 < receive_step_;
    if (whole) return end - begin - send_done_;
    return send_step_ - 1 == receive_step_ ? receive_done_ - send_done_ : 0;
  }
  static void next(unsigned& step, uint64_t& done, Range range) {
    if (done < range.end - range.begin) return;
    ++step;
    done = 0;
  }
  // Steps that are over, and those of segments without elements.
  void skip_empty() {
    for (unsigned i = 0; i < steps(); ++i) {
      if (!received()) {
        next(receive_step_, receive_done_, segment(rank_ + world_ - 1, receive_step_));
      }
      if (!sent() && (send_step_ == 0 || send_step_ - 1 < receive_step_)) {
        next(send_step_, send_done_, segment(rank_, send_step_));
      }
    }
  }
  static void add(float* __restrict target, const float* __restrict source, size_t count) {
    for (size_t i = 0; i < count; ++i) target[i] += source[i];
  }

  int in_;
  int out_;
  char* data_;
  uint64_t count_;
  unsigned rank_;
  unsigned world_;
  unsigned send_step_ = 0;
  uint64_t send_done_ = 0;
  unsigned receive_step_ = 0;
  uint64_t receive_done_ = 0;
  size_t kept_ = 0;  // bytes of an element that has come in part
  char partial_[sizeof(float)] = {};
};

// The n-th that is dialled is the n-th that is accepted: one process dials another, in order.
int prepare(int socket) {
  driver::without_delay(socket);
  check(::fcntl(socket, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
  return socket;
}

std::vector<Stream> connect_ring(const driver::Options& options, std::vector<float>& data) {
  const uint64_t wanted = std::max<uint64_t>(1, options.bytes / kLeastBytesPerConnection);
  const auto connections = static_cast<unsigned>(std::min<uint64_t>(kConnections, wanted));
  const unsigned next = (options.rank + 1) % options.world;
  const bool pair = options.world == 2;  // then one connection goes both ways
  const int listener = driver::listen_for_others(options);
  std::vector<Stream> streams;
  for (unsigned i = 0; i < connections; ++i) {
    int out = -1;
    int in = -1;
    if (!pair || options.rank == 0) out = prepare(driver::dial(options, next));
    if (!pair || options.rank == 1) {
      in = prepare(check(::accept(listener, nullptr, nullptr), "accept"));
    }
    if (pair) (options.rank == 0 ? in : out) = options.rank == 0 ? out : in;
    const uint64_t begin = data.size() * i / connections;
    const uint64_t end = data.size() * (i + 1) / connections;
    streams.emplace_back(in, out, data.data() + begin, end - begin, options.rank, options.world);
  }
  ::close(listener);
  return streams;
}

void wait_for(const std::vector<Stream>& streams) {
  std::vector<pollfd> sockets;
  for (const Stream& stream : streams) {
    if (!stream.received()) sockets.push_back({stream.in(), POLLIN, 0});
    if (stream.may_send()) sockets.push_back({stream.out(), POLLOUT, 0});
  }
  ::poll(sockets.data(), sockets.size(), -1);
}

void all_reduce(std::vector<Stream>& streams, std::vector<char>& scratch) {
  for (Stream& stream : streams) stream.begin();
  for (;;) {
    bool moved = false;
    bool done = true;
    for (Stream& stream : streams) {
      moved = stream.send() || moved;
      moved = stream.receive(scratch) || moved;
      done = done && stream.sent() && stream.received();
    }
    if (done) return;
    if (!moved) wait_for(streams);
  }
}

int run(int argc, char** argv) {
  const driver::Options options = driver::parse(argc, argv);
  std::vector<float> data(options.bytes / sizeof(float));
  std::vector<Stream> streams = connect_ring(options, data);
  std::vector<char> scratch(kPieceBytes);
  return driver::measure(options, data, [&] { all_reduce(streams, scratch); });
}

}  // namespace

int main(int argc, char** argv) {
  return driver::run_and_report("floor_driver", run, argc, argv);
}
