// The common start of processes on one computer, over a page that they share. They meet twice:
// first asleep, so that who is done takes no processor from others; then, when all are awake,
// spinning, so that they leave within a fraction of a microsecond. The last one to arrive notes the
// time; CLOCK_MONOTONIC is the same clock for all of them, so what each takes from then on can be
// compared. With fewer processors than processes spinning would keep others from arriving, so they
// meet asleep only, and the time of waking up is in what is measured. When all are done they meet
// asleep once more: with fewer processors than processes, who checks his result at once would keep
// others from theirs.
// Knows nothing of Atoll: the drivers of bench/compare.py use it too.
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace atoll_cli {

inline double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class BenchStartLine {
 public:
  // All processes name the same file, which one of them or their parent has made, however empty.
  BenchStartLine(const std::string& path, unsigned world) : world_(world) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void* memory = MAP_FAILED;
    if (file >= 0 && ::ftruncate(file, sizeof(Page)) == 0) {
      memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    const int why = errno;
    if (file >= 0) ::close(file);
    if (memory == MAP_FAILED) throw std::runtime_error(path + ": " + std::strerror(why));
    page_ = static_cast<Page*>(memory);
  }
  ~BenchStartLine() { ::munmap(page_, sizeof(Page)); }
  BenchStartLine(const BenchStartLine&) = delete;
  BenchStartLine& operator=(const BenchStartLine&) = delete;

  // Returns the time at which the last one arrived, the same on all.
  double wait() {
    meet(page_->asleep, true);
    if (spins_) meet(page_->awake, false);
    // Nobody writes it again before all have arrived again, which this one does after reading.
    return page_->met;
  }
  // Returns when all have called it after the start.
  void wait_for_all() { meet(page_->done, true); }

 private:
  struct Meeting {  // zeros at first
    alignas(64) std::atomic<uint32_t> arrived;
    alignas(64) std::atomic<uint32_t> round;
  };
  struct Page {
    Meeting asleep;
    Meeting awake;
    Meeting done;
    double met;  // when the last one arrived
  };
  static_assert(std::atomic<uint32_t>::is_always_lock_free);

  void meet(Meeting& meeting, bool sleeping) {
    const uint32_t round = meeting.round.load(std::memory_order_acquire);
    if (meeting.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == world_) {
      meeting.arrived.store(0, std::memory_order_relaxed);
      page_->met = monotonic_seconds();
      meeting.round.store(round + 1, std::memory_order_release);
      if (sleeping) futex(meeting.round, FUTEX_WAKE, INT_MAX);
      return;
    }
    while (meeting.round.load(std::memory_order_acquire) == round) {
      if (sleeping) futex(meeting.round, FUTEX_WAIT, round);
    }
  }

  static void futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
    ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
  }

  static bool processor_for_each(unsigned world) {
    cpu_set_t processors;
    return ::sched_getaffinity(0, sizeof processors, &processors) == 0 &&
           static_cast<unsigned>(CPU_COUNT(&processors)) >= world;
  }

  Page* page_ = nullptr;
  unsigned world_;
  bool spins_ = processor_for_each(world_);
};

}  // namespace atoll_cli
