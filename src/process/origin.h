// Which process an object was made in. fork() copies memory and not threads: in the child an object
// that a thread works for is a picture of the parent's, which nobody serves and nobody may touch.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace atoll_core::process {

// How often this process and its ancestors have forked on the way here, as far as they had this
// library: another number than at some moment before means to be a child of that process.
uint64_t generation();

// Made with an object, tells ever after whether it is in the process that made it. A child that was
// not made by fork() of the C library, but by the bare system call, is not noticed.
class Origin {
 public:
  Origin();

  bool is_here() const { return generation_ == generation(); }
  pid_t process() const { return process_; }

 private:
  uint64_t generation_;
  pid_t process_;
};

// One T for each process, made when it is first asked for and never destroyed. For what is guarded
// by a mutex: a thread of the parent may have held it at the fork, and in the child nobody would
// ever unlock that copy.
template <class T>
class OnePerProcess {
 public:
  T& get() {
    Made* made = made_.load(std::memory_order_acquire);
    while (made == nullptr || !made->origin.is_here()) {
      auto* fresh = new Made;
      fresh->of_parent = made;
      const bool first = made_.compare_exchange_strong(made, fresh, std::memory_order_acq_rel);
      if (first) return fresh->value;
      delete fresh;  // another thread was first; `made` is what it made
    }
    return made->value;
  }

 private:
  struct Made {
    Origin origin;
    T value{};
    const Made* of_parent = nullptr;  // never used; so that nobody takes it for lost
  };
  std::atomic<Made*> made_{nullptr};
};

}  // namespace atoll_core::process
