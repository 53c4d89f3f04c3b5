#include "tools/atoll/wanlab/emulator.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace atoll_cli {
namespace {

constexpr int kFramesAtOnce = 64;  // from one device, before others and what is due get their turn

// As network cards do, the lab moderates its interrupts: what comes within a small part of the
// shortest delay is handled together, which saves most of the cost of a packet.
constexpr int kTurnsPerDelay = 64;
constexpr Nanoseconds kTurnMax = std::chrono::milliseconds(1);

Nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

Nanoseconds now() { return read_clock(CLOCK_MONOTONIC); }

timespec timespec_of(Nanoseconds time) {
  constexpr int64_t kSecond = 1'000'000'000;
  return {static_cast<time_t>(time.count() / kSecond), static_cast<long>(time.count() % kSecond)};
}

// Little work, which is to be done at its time though the machine is busy with the commands. What
// is not allowed is left out.
void become_punctual() {
  ::prctl(PR_SET_TIMERSLACK, 1);
  ::pthread_setname_np(::pthread_self(), "wanlab-network");
  sched_param parameters{};
  parameters.sched_priority = 1;
  ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters);
}

void watch(int epoll, int file, uint32_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) != 0) {
    throw std::runtime_error(std::string("cannot watch a TUN device: ") + std::strerror(errno));
  }
}

}  // namespace

Emulator::Emulator(EmulatedNetwork network, std::vector<int> tuns)
    : network_(std::move(network)),
      tuns_(std::move(tuns)),
      buffer_(kFrameBytesMax),
      turn_(std::min(network_.least_delay() / kTurnsPerDelay, kTurnMax)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event none{};
  const timespec at_once{};
  if (::epoll_pwait2(epoll_, &none, 1, &at_once, nullptr) < 0) {
    throw std::runtime_error(std::string("cannot wait to the microsecond (Linux 5.11 can): ") +
                             std::strerror(errno));
  }
  for (size_t node = 0; node < tuns_.size(); ++node) {
    watch(epoll_, tuns_[node], static_cast<uint32_t>(node));
  }
  watch(epoll_, wake_, static_cast<uint32_t>(tuns_.size()));
}

Emulator::~Emulator() {
  stop();
  ::close(epoll_);
  ::close(wake_);
}

void Emulator::start() {
  thread_ = std::thread([this] { run(); });
}

void Emulator::stop() {
  if (!thread_.joinable()) return;
  stopped_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
  thread_.join();
}

void Emulator::run() {
  become_punctual();
  while (!stopped_) {
    wait();
    deliver_due();
  }
  counters_.cpu_seconds =
      std::chrono::duration<double>(read_clock(CLOCK_THREAD_CPUTIME_ID)).count();
}

void Emulator::wait() {
  const Nanoseconds next_turn = last_turn_ + turn_;
  if (!std::exchange(behind_, false) && now() < next_turn) {
    const timespec time = timespec_of(next_turn);
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
  }
  std::array<epoll_event, kWanlabPeersMax + 2> events;
  timespec timeout{};
  const auto deadline = network_.next_deadline();
  if (deadline) timeout = timespec_of(std::max(*deadline - now(), Nanoseconds(0)));
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()),
                                   deadline ? &timeout : nullptr, nullptr);
  last_turn_ = now();
  for (int i = 0; i < count; ++i) {
    const uint32_t index = events[static_cast<size_t>(i)].data.u32;
    if (index < tuns_.size() && !read_from(index)) behind_ = true;
  }
}

bool Emulator::read_from(unsigned node) {
  for (int i = 0; i < kFramesAtOnce; ++i) {
    const ssize_t count = ::read(tuns_[node], buffer_.data(), buffer_.size());
    if (count <= 0) return true;
    network_.accept(node, {buffer_.data(), static_cast<size_t>(count)}, now());
  }
  return false;
}

void Emulator::deliver_due() {
  const Nanoseconds time = now();
  while (auto delivery = network_.take_due(time)) {
    const Nanoseconds late = time - delivery->due;
    ++counters_.frames;
    counters_.late_sum += late;
    counters_.late_max = std::max(counters_.late_max, late);
    if (late > std::chrono::milliseconds(1)) ++counters_.late_1ms;
    offload_.add(delivery->to, std::move(delivery->frame));
  }
  offload_.flush([this](unsigned node, std::span<const iovec> frame) { write(node, frame); });
}

void Emulator::write(unsigned node, std::span<const iovec> frame) {
  ++counters_.writes;
  if (::writev(tuns_[node], frame.data(), static_cast<int>(frame.size())) < 0) {
    ++counters_.refused;
  }
}

}  // namespace atoll_cli
