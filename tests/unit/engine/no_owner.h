// For tests of links that look at what is said, and take nothing.
#pragma once

#include "link/link.h"

namespace atoll_core::engine {

class NoOwner final : public link::LinkOwner {
 public:
  Result<link::Placement> place(link::Link&, const wire::FrameHeader&) override { return {}; }
  Result<void> deliver(link::Link&, const wire::FrameHeader&, const link::Payload&) override {
    return {};
  }
  Result<void> deliver_kept(link::Link&, const wire::FrameHeader&, ByteBuffer) override {
    return {};
  }
  void wake(link::Link&, link::ConnectionKey) override {}
};

}  // namespace atoll_core::engine
