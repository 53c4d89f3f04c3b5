#include "engine/sync_body.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "state/fetch.h"
#include "state/request.h"
#include "state/serve.h"

namespace atoll_core::engine {
namespace {

class SyncBody final : public CallBody {
 public:
  SyncBody(SyncCall call, Context& context, membership::PeerMachine& membership, LinkTable& links)
      : call_(std::move(call)), context_(context), membership_(membership), links_(links) {}

  void begin(const AttemptContext& attempt) override {
    attempt_ = attempt;
    done_ = false;
    failure_.reset();
    wire::SyncRequest request;
    request.op = attempt.id.op;
    request.epoch = attempt.id.epoch;
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

  Result<void> deliver(PeerId from, const wire::FrameHeader& header, ByteSpan payload) override {
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
      bytes_received_ += payload.size();
      if (Result<void> used = fetch_->on_response(from, *name, payload); !used) {
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
      if (Result<state::StateDigests> taken = fetch_->commit(); !taken) {
        return tl::unexpected<Error>(taken.error());
      }
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
    auto responses = state::serve(*call_.table, call_.digests, request);
    if (!responses) {
      context_.log(3, responses.error().message);
      send(to, wire::FrameKind::kStateRefused, request, {}, nullptr);
      return;
    }
    for (state::StateResponse& response : *responses) {
      std::shared_ptr<const ByteBuffer> owned;
      if (response.name.item == state::StateItem::kDigests) {
        owned = std::make_shared<const ByteBuffer>(std::move(response.digests));
      }
      const ByteSpan payload = owned != nullptr ? ByteSpan(*owned) : response.chunk;
      bytes_sent_ += payload.size();
      send(to, wire::FrameKind::kStateData, response.name, payload, std::move(owned));
    }
  }

  void send(PeerId to, wire::FrameKind kind, const state::StateRequest& name, ByteSpan payload,
            std::shared_ptr<const ByteBuffer> owned) {
    link::OutFrame frame;
    frame.header.kind = kind;
    frame.header.attempt = attempt_.id;
    frame.header.fingerprint = attempt_.fingerprint;
    frame.header.payload_bytes = static_cast<uint32_t>(payload.size());
    state::put_request(name, frame.header);
    if (!payload.empty()) frame.payload.push_back(payload);
    frame.owned = std::move(owned);
    links_.send_free(to, std::move(frame));
  }

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
      send(request.holder, wire::FrameKind::kStateRequest, request.request, {}, nullptr);
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

CallLedger::NewCall make_sync(CallId call, SyncCall arguments, Context& context,
                              membership::PeerMachine& membership, LinkTable& links) {
  CallLedger::NewCall open;
  open.call = call;
  open.options = arguments.options;
  open.description = describe(arguments);
  open.body = std::make_unique<SyncBody>(std::move(arguments), context, membership, links);
  return open;
}

}  // namespace atoll_core::engine
