// A shared state between a sync and the next write to it: what may be served to newcomers, who are
// not part of any call. An engine opens it and serves from it; whoever owns the bytes closes it
// before they change. One whose owner is on another thread adds a lock (peer/shared_state.cpp).
#pragma once

#include <optional>
#include <vector>

#include "base/error.h"
#include "state/digest.h"
#include "state/request.h"
#include "state/serve.h"
#include "state/state_table.h"

namespace atoll_core::state {

class Publication {
 public:
  // Closed. The table is not looked at while it is closed, and outlives the time when it is open.
  explicit Publication(const StateTable& table) : table_(table) {}
  virtual ~Publication() = default;

  // The table holds what these are the digests of, and nothing changes it until close().
  virtual void open(StateDigests digests);
  // As state::serve; the payloads are the table's own bytes. Refuses while closed.
  virtual Result<std::vector<StateResponse>> serve(const StateRequest& request);
  // True: something was served since it was opened, so that bytes may still be read, until the
  // engine has withdrawn it.
  virtual bool close();

 private:
  const StateTable& table_;
  std::optional<StateDigests> digests_;
  bool served_ = false;
};

}  // namespace atoll_core::state
