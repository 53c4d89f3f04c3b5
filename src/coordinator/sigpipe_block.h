// libuv writes without MSG_NOSIGNAL, and the disposition of SIGPIPE belongs to the program that we
// are part of. While one of these lives, SIGPIPE is blocked on the calling thread only; what was
// raised meanwhile is swallowed at the end.
#pragma once

#include <csignal>

namespace atoll_core::coordinator {

class SigpipeBlock {
 public:
  SigpipeBlock() noexcept;
  ~SigpipeBlock();
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;

 private:
  sigset_t old_mask_{};
  bool was_pending_ = false;
};

}  // namespace atoll_core::coordinator
