// The least that a short all-reduce takes where peers share a computer: all send to rank 0 over one
// plain blocking socket each, which adds and answers. One thread, and of each peer two system calls
// each way for a start line, a send and a receive. No headers, checksums, agreement or copies.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include "bench/drivers/driver.h"
#include "bench/drivers/sockets.h"

namespace {

using driver::check;

void send_all(int socket, const std::vector<float>& data) {
  const auto* from = reinterpret_cast<const char*>(data.data());
  for (size_t left = data.size() * sizeof(float); left > 0;) {
    const ssize_t put = ::send(socket, from, left, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    check(put < 0 ? -1 : 0, "send");
    from += put;
    left -= static_cast<size_t>(put);
  }
}

void receive_all(int socket, std::vector<float>& data) {
  auto* to = reinterpret_cast<char*>(data.data());
  for (size_t left = data.size() * sizeof(float); left > 0;) {
    const ssize_t got = ::recv(socket, to, left, MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    check(got < 0 ? -1 : 0, "recv");
    if (got == 0) throw std::runtime_error("the other end has closed");
    to += got;
    left -= static_cast<size_t>(got);
  }
}

void add(float* __restrict target, const float* __restrict source, size_t count) {
  for (size_t i = 0; i < count; ++i) target[i] += source[i];
}

// Of rank 0 to each other one, else one to rank 0.
std::vector<int> connect_star(const driver::Options& options) {
  if (options.rank != 0) return {driver::without_delay(driver::dial(options, 0))};
  const int listener = driver::listen_for_others(options);
  std::vector<int> spokes;
  for (unsigned i = 1; i < options.world; ++i) {
    spokes.push_back(driver::without_delay(check(::accept(listener, nullptr, nullptr), "accept")));
  }
  ::close(listener);
  return spokes;
}

int run(int argc, char** argv) {
  const driver::Options options = driver::parse(argc, argv);
  std::vector<float> data(options.bytes / sizeof(float));
  std::vector<float> received(data.size());
  const std::vector<int> sockets = connect_star(options);
  return driver::measure(options, data, [&] {
    if (options.rank != 0) {
      send_all(sockets.front(), data);
      receive_all(sockets.front(), data);
      return;
    }
    for (const int socket : sockets) {
      receive_all(socket, received);
      add(data.data(), received.data(), data.size());
    }
    for (const int socket : sockets) send_all(socket, data);
  });
}

}  // namespace

int main(int argc, char** argv) {
  return driver::run_and_report("floor_star_driver", run, argc, argv);
}
