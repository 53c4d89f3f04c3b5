#include "state/publication.h"

#include <utility>

namespace atoll_core::state {

void Publication::open(StateDigests digests) {
  digests_ = std::move(digests);
}

Result<std::vector<StateResponse>> Publication::serve(const StateRequest& request) {
  if (!digests_) {
    return fail(ErrorCode::kStateConflict, "revision {} of the state is not held any more",
                request.revision);
  }
  auto responses = state::serve(table_, *digests_, request);
  served_ = served_ || responses.has_value();
  return responses;
}

bool Publication::close() {
  digests_.reset();
  return std::exchange(served_, false);
}

}  // namespace atoll_core::state
