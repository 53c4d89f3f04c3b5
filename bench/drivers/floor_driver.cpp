// What plain sockets can do: a ring all-reduce with nothing around it. One thread, non-blocking
// sockets with their default buffers, up to four connections that share the data, both ways at
// once. No headers, checksums, agreement or copies of the input. It waits in poll, and never spins.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/drivers/driver.h"

namespace {

constexpr unsigned kConnections = 4;
constexpr uint64_t kLeastBytesPerConnection = 64 << 10;
constexpr uint64_t kSegmentBytes = 128 << 10;

int check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  return result;
}

// A range of elements that goes over one connection, as bytes.
struct Piece {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool adds = false;  // the receiver adds it to what it has; otherwise it is the result
  size_t needs = 0;   // so many pieces must have been received before it may be sent
};

struct Pieces {
  std::vector<Piece> sent;
  std::vector<Piece> received;
};

// The data in blocks, each of which goes around the ring in 2 (world - 1) steps, the first half of
// which add. Step s of one block comes with step s - 1 of the next one, so that both ways are busy
// and what was reduced is sent on while it is in the cache.
Pieces pieces_of(uint64_t count, unsigned rank, unsigned world) {
  const uint64_t per_block = world * kSegmentBytes / sizeof(float);
  const uint64_t blocks = (count + per_block - 1) / per_block;
  const unsigned steps = 2 * (world - 1);
  const auto segment = [&](uint64_t block, unsigned index) {
    const uint64_t base = block * per_block;
    const uint64_t size = std::min(per_block, count - base);
    return Piece{(base + size * index / world) * sizeof(float),
                 (base + size * (index + 1) / world) * sizeof(float)};
  };
  Pieces pieces;
  std::vector<size_t> after(blocks, 0);  // the last received piece of each block
  for (uint64_t tick = 0; tick < blocks + steps - 1; ++tick) {
    for (unsigned step = 0; step < steps && step <= tick; ++step) {
      const uint64_t block = tick - step;
      if (block >= blocks) continue;
      Piece sent = segment(block, (rank + 2 * world - step) % world);
      Piece received = segment(block, (rank + 2 * world - 1 - step) % world);
      sent.needs = step == 0 ? 0 : after[block];
      received.adds = step < world - 1;
      if (sent.begin < sent.end) pieces.sent.push_back(sent);
      if (received.begin < received.end) pieces.received.push_back(received);
      after[block] = pieces.received.size();
    }
  }
  return pieces;
}

// One connection's share of the data as it goes around the ring.
class Stream {
 public:
  Stream(int in, int out, float* data, uint64_t count, unsigned rank, unsigned world)
      : in_(in), out_(out), data_(reinterpret_cast<char*>(data)),
        pieces_(pieces_of(count, rank, world)) {}

  void begin() { send_at_ = send_done_ = receive_at_ = receive_done_ = kept_ = 0; }
  bool sent() const { return send_at_ == pieces_.sent.size(); }
  bool received() const { return receive_at_ == pieces_.received.size(); }
  bool may_send() const { return !sent() && sendable() > 0; }
  int in() const { return in_; }
  int out() const { return out_; }

  // Whether any byte has moved.
  bool receive(std::vector<char>& scratch) {
    if (received()) return false;
    const Piece& piece = pieces_.received[receive_at_];
    char* target = data_ + piece.begin + receive_done_;
    const size_t left = piece.end - piece.begin - receive_done_;
    char* place = piece.adds ? scratch.data() + kept_ : target;
    if (piece.adds) std::memcpy(scratch.data(), partial_, kept_);
    const ssize_t got = ::recv(in_, place, left - (piece.adds ? kept_ : 0), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    check(static_cast<int>(std::min<ssize_t>(got, 1)), "recv");
    if (got == 0) throw std::runtime_error("the other end has closed");
    receive_done_ += piece.adds ? add(scratch.data(), static_cast<size_t>(got), target)
                                : static_cast<size_t>(got);
    if (receive_done_ == piece.end - piece.begin) {
      ++receive_at_;
      receive_done_ = 0;
    }
    return true;
  }

  bool send() {
    if (!may_send()) return false;
    const Piece& piece = pieces_.sent[send_at_];
    const ssize_t put =
        ::send(out_, data_ + piece.begin + send_done_, sendable(), MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    check(static_cast<int>(std::min<ssize_t>(put, 1)), "send");
    send_done_ += static_cast<size_t>(put);
    if (send_done_ == piece.end - piece.begin) {
      ++send_at_;
      send_done_ = 0;
    }
    return true;
  }

 private:
  size_t sendable() const {
    const Piece& piece = pieces_.sent[send_at_];
    if (receive_at_ >= piece.needs) return piece.end - piece.begin - send_done_;
    // It is just being received.
    return receive_at_ + 1 == piece.needs ? receive_done_ - send_done_ : 0;
  }

  // Adds the whole elements, keeps the rest; returns the bytes that were added.
  size_t add(const char* received, size_t bytes, char* target) {
    const size_t all = kept_ + bytes;
    const size_t whole = all / sizeof(float) * sizeof(float);
    auto* __restrict sums = reinterpret_cast<float*>(target);
    const auto* __restrict values = reinterpret_cast<const float*>(received);
    for (size_t i = 0; i < whole / sizeof(float); ++i) sums[i] += values[i];
    kept_ = all - whole;
    std::memcpy(partial_, received + whole, kept_);
    return whole;
  }

  int in_;
  int out_;
  char* data_;
  Pieces pieces_;
  size_t send_at_ = 0;
  uint64_t send_done_ = 0;
  size_t receive_at_ = 0;
  uint64_t receive_done_ = 0;
  size_t kept_ = 0;  // bytes of an element that has come in part
  char partial_[sizeof(float)] = {};
};

int listen_for_others(const driver::Options& options) {
  const int listener = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), "bind");
  check(::listen(listener, 64), "listen");
  check(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  const std::string path = options.folder + "/port." + std::to_string(options.rank);
  std::ofstream(path + ".new") << ntohs(address.sin_port) << "\n";
  check(std::rename((path + ".new").c_str(), path.c_str()), "rename");
  return listener;
}

int dial(const driver::Options& options, unsigned rank) {
  const std::string path = options.folder + "/port." + std::to_string(rank);
  unsigned port = 0;
  while (!(std::ifstream(path) >> port)) ::poll(nullptr, 0, 1);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int socket = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  check(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  return socket;
}

// The n-th that is dialled is the n-th that is accepted: one process dials another, in order.
int prepare(int socket) {
  const int one = 1;
  check(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
  check(::fcntl(socket, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
  return socket;
}

std::vector<Stream> connect_ring(const driver::Options& options, std::vector<float>& data) {
  const uint64_t wanted = std::max<uint64_t>(1, options.bytes / kLeastBytesPerConnection);
  const auto connections = static_cast<unsigned>(std::min<uint64_t>(kConnections, wanted));
  const unsigned next = (options.rank + 1) % options.world;
  const bool pair = options.world == 2;  // then one connection goes both ways
  const int listener = listen_for_others(options);
  std::vector<Stream> streams;
  for (unsigned i = 0; i < connections; ++i) {
    int out = -1;
    int in = -1;
    if (!pair || options.rank == 0) out = prepare(dial(options, next));
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
  std::vector<char> scratch(kSegmentBytes);
  return driver::measure(options, data, [&] { all_reduce(streams, scratch); });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "floor_driver: %s\n", error.what());
    return 1;
  }
}
