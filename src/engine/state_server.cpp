#include "engine/state_server.h"

#include <utility>

#include "engine/background.h"
#include "engine/state_frame.h"

namespace atoll_core::engine {

void StateServer::offer(const OpId& sync, uint64_t revision,
                        const std::shared_ptr<state::Publication>& publication,
                        state::StateDigests digests) {
  const std::pair key(sync.group, sync.tag);
  const AttemptId attempt = background_attempt(sync.group, sync.tag, revision);
  Offer& offer = offers_[key];
  const bool same = offer.publication == publication && offer.attempt == attempt;
  if (!same) {
    if (offer.publication != nullptr) withdraw(offer);
    offer = Offer{publication, attempt, {}};
  }
  publication->open(std::move(digests));
}

void StateServer::withdraw(const state::Publication& publication) {
  for (auto at = offers_.begin(); at != offers_.end();) {
    const bool it = at->second.publication.get() == &publication;
    if (it) withdraw(at->second);
    at = it ? offers_.erase(at) : std::next(at);
  }
}

void StateServer::withdraw(Offer& offer) {
  (void)offer.publication->close();
  links_.revoke(offer.attempt);
  for (const PeerId fetcher : offer.fetchers) refuse(fetcher, offer.attempt);
  if (offer.fetchers.empty()) return;
  context_.trace("state.withdraw");
  context_.note({FlightKind::kStateWithdrawn, &offer.attempt.op, {}, offer.attempt.epoch.number});
}

void StateServer::refuse(PeerId to, const AttemptId& attempt) {
  state::StateRequest request;
  request.revision = attempt.epoch.number;
  send_state_frame(links_, to, wire::FrameKind::kStateRefused, {attempt, 0}, request);
}

void StateServer::serve(PeerId to, const wire::FrameHeader& header) {
  const auto found = offers_.find({header.attempt.op.group, header.attempt.op.tag});
  const bool offered = found != offers_.end() && found->second.attempt == header.attempt &&
                       links_.may_serve(to);
  const auto request = state::request_of(header);
  if (!offered || !request) return refuse(to, header.attempt);
  auto responses = found->second.publication->serve(*request);
  if (!responses) {
    context_.log(1, responses.error().message);
    return refuse(to, header.attempt);
  }
  if (found->second.fetchers.insert(to).second) {
    context_.trace("state.serve");
    context_.note({FlightKind::kStateServed, &header.attempt.op, to, request->revision});
  }
  for (state::StateResponse& response : *responses) {
    send_state_response(links_, to, {header.attempt, header.fingerprint}, std::move(response));
  }
}

}  // namespace atoll_core::engine
