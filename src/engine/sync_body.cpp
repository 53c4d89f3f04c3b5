#include "engine/sync_body.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "engine/state_frame.h"
#include "state/fetch.h"
#include "state/request.h"
#include "state/serve.h"

namespace atoll_core::engine {
namespace {

class SyncBody final : public CallBody {
 public:
  SyncBody(SyncCall call, const SyncParts& parts)
      : call_(std::move(call)),
        context_(parts.context),
        membership_(parts.membership),
        links_(parts.links),
        server_(parts.server) {}

  void begin(AttemptContext attempt) override {
    attempt_ = std::move(attempt);
    done_ = false;
    failure_.reset();
    wire::SyncRequest request;
    request.op = attempt_.id.op;
    request.epoch = attempt_.id.epoch;
    request.state = state::make_summary(*call_.table, call_.digests, call_.strategy);
    membership_.send(std::move(request));
  }

  void abandon() override {
    if (fetch_) note_fetched();
    fetch_.reset();
  }

  void on_plan(const wire::SyncPlan& plan) override {
    elected_ = {plan.revision, plan.digest};
    context_.note({FlightKind::kSyncPlan, &attempt_.id.op, {}, plan.revision});
    if (plan.digest == call_.digests.whole && plan.revision == call_.table->revision()) {
      done_ = true;
      return;
    }
    std::vector<PeerId> holders = plan.holders;
    std::erase(holders, attempt_.self);
    state::FetchPlan fetch;
    fetch.revision = plan.revision;
    fetch.digest = plan.digest;
    fetch.tensors = plan.tensors;
    fetch.holders = std::move(holders);
    fetch.in_place = !call_.table->holds_content();
    // What newcomers were given is about to change.
    if (call_.publication != nullptr) server_.withdraw(*call_.publication);
    auto made = state::FetchMachine::create(std::move(fetch), *call_.table, call_.digests);
    if (!made) {
      failure_ = made.error();
      return;
    }
    fetch_ = std::move(*made);
    advance();
  }

  Result<link::Placement> place(PeerId, const wire::FrameHeader& header) override {
    if (header.kind != wire::FrameKind::kStateData) return link::Placement{};
    Result<state::StateRequest> name = state::request_of(header);
    if (!name) return tl::unexpected<Error>(name.error());
    if (fetch_ == nullptr) return link::Placement{};
    // Not straight into its destination: a holder that sends two answers to one question must not
    // get to write over what was verified.
    return link::Placement{link::Placement::Kind::kScratch, {}};
  }

  Result<void> deliver(PeerId from, const wire::FrameHeader& header,
                       const link::Payload& payload) override {
    Result<state::StateRequest> name = state::request_of(header);
    if (!name) return tl::unexpected<Error>(name.error());
    if (header.kind == wire::FrameKind::kStateRequest) {
      serve(from, *name);
      return {};
    }
    if (fetch_ == nullptr) return {};
    ++progress_;
    if (header.kind == wire::FrameKind::kStateRefused) {
      fetch_->on_refused(from, *name, "the holder refused");
    } else if (header.kind == wire::FrameKind::kStateData) {
      context_.trace("sync.fetch");
      bytes_received_ += payload.bytes.size();
      if (Result<void> used = fetch_->on_response(from, *name, payload.bytes); !used) {
        context_.log(3, used.error().message);
      }
    }
    advance();
    return {};
  }

  bool complete() const override { return done_; }
  const Error* failure() const override { return failure_ ? &*failure_ : nullptr; }

  wire::ToCoordinator done_message() const override {
    return wire::SyncDone{attempt_.id.op, attempt_.id.epoch};
  }

  // Credits are not needed: what is sent was asked for.
  std::vector<PeerId> senders() const override { return {}; }
  uint64_t progress() const override { return progress_; }
  Traffic traffic() const override { return {bytes_sent_, bytes_received_}; }

  // What was fetched becomes the caller's only now: after an error it has what it had.
  Result<CallInfo> commit(const std::vector<PeerId>&, uint32_t attempts) override {
    if (fetch_ != nullptr) {
      note_fetched();
      Result<state::StateDigests> taken = fetch_->commit();
      if (!taken) return tl::unexpected<Error>(taken.error());
      call_.digests = std::move(*taken);
    }
    call_.table->note_committed({membership_.memory().instance, elected_.revision});
    if (call_.publication != nullptr) {
      server_.offer(attempt_.id.op, elected_.revision, call_.publication,
                    std::move(call_.digests));
    }
    SyncInfo info;
    info.revision = elected_.revision;
    info.digest = elected_.digest;
    info.bytes_received = bytes_received_;
    info.bytes_sent = bytes_sent_;
    info.tensors_received = tensors_received_;
    info.attempts = attempts;
    return info;
  }

 private:
  struct Elected {
    uint64_t revision = 0;
    wire::ContentDigest digest;
  };

  void serve(PeerId to, const state::StateRequest& request) {
    auto responses = links_.may_serve(to)
                         ? state::serve(*call_.table, call_.digests, request)
                         : fail(ErrorCode::kOutOfMemory, "peer {} has asked for more than is sent",
                                to_string(to));
    if (!responses) {
      context_.log(3, responses.error().message);
      send_state_frame(links_, to, wire::FrameKind::kStateRefused, transfer(), request);
      return;
    }
    for (state::StateResponse& response : *responses) {
      bytes_sent_ += response.payload().size();
      send_state_response(links_, to, transfer(), std::move(response));
    }
  }

  StateTransfer transfer() const { return {attempt_.id, attempt_.fingerprint}; }

  // Asks for more, or is done.
  void advance() {
    if (const auto failure = fetch_->failure()) {
      failure_ = *failure;
      return;
    }
    done_ = fetch_->complete();
    if (done_) return;
    std::vector<state::FetchRequest> requests;
    fetch_->take_requests(requests);
    for (const state::FetchRequest& request : requests) {
      send_state_frame(links_, request.holder, wire::FrameKind::kStateRequest, transfer(),
                       request.request);
    }
  }

  void note_fetched() {
    tensors_received_ = static_cast<uint32_t>(fetch_->counters().tensors_received);
    const std::string difference = fetch_->describe_difference();
    context_.note({FlightKind::kSyncFetched, &attempt_.id.op, {}, bytes_received_, difference});
    if (!difference.empty()) context_.log(2, "fetched what differed: " + difference);
  }

  SyncCall call_;
  Context& context_;
  membership::PeerMachine& membership_;
  LinkTable& links_;
  StateServer& server_;
  AttemptContext attempt_;
  std::unique_ptr<state::FetchMachine> fetch_;
  Elected elected_;
  bool done_ = false;
  std::optional<Error> failure_;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint32_t tensors_received_ = 0;
  uint64_t progress_ = 0;
};

wire::CallDescription describe(const SyncCall& call) {
  wire::CallDescription description;
  description.kind = wire::OpKind::kSync;
  description.tensors = static_cast<uint32_t>(call.table->tensors().size());
  return description;
}

}  // namespace

NewCall make_sync(CallId call, SyncCall arguments, const SyncParts& parts) {
  NewCall open;
  open.call = call;
  open.options = arguments.options;
  open.description = describe(arguments);
  open.body = std::make_unique<SyncBody>(std::move(arguments), parts);
  return open;
}

}  // namespace atoll_core::engine
