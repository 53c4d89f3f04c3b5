#include <utility>

#include "capi/argument_rules.h"
#include "capi/collective_call.h"
#include "capi/guard.h"
#include "capi/request.h"
#include "capi/state.h"
#include "optim/diloco_machine.h"
#include "peer/occupancy.h"

namespace capi = atoll_core::capi;
namespace peer = atoll_core::peer;
using atoll_core::DilocoMachine;
using atoll_core::ErrorCode;
using atoll_core::Result;
using atoll_core::fail;

// The outer optimizer and its shared state. `state` names the machine's own buffers.
struct atollDiloco : capi::Handle {
  atollDiloco(std::span<const float> parameters, const atoll_core::DilocoOptions& options)
      : machine(parameters, options) {}

  peer::Occupancy occupancy;
  DilocoMachine machine;
  atollState state;
  uint64_t tag = 0;
};

namespace {

constexpr std::string_view kTheOptimizer = "the DiLoCo optimizer";

// While it lives the optimizer is in a call. Whatever ends a step before its outer step, the round
// is given up then and may be begun again.
class InCall {
 public:
  explicit InCall(atollDiloco& diloco) : diloco_(diloco) {}
  ~InCall() {
    if (diloco_.machine.round_open()) diloco_.machine.abandon_round();
    diloco_.occupancy.release();
  }
  InCall(const InCall&) = delete;
  InCall& operator=(const InCall&) = delete;

 private:
  atollDiloco& diloco_;
};

Result<std::shared_ptr<InCall>> enter(atollDiloco& diloco, peer::Caller caller) {
  ATOLL_TRY(diloco.occupancy.take(caller, kTheOptimizer));
  return std::make_shared<InCall>(diloco);
}

// As for atollDilocoCreate, there may be no parameters at all.
Result<void> require_parameters(const atollDiloco& diloco, const float* parameters,
                                const char* function) {
  if (diloco.machine.count() == 0) return {};
  return capi::require(parameters, function, "parameters");
}

Result<void> add_tensors(atollDiloco& diloco) {
  const uint64_t count = diloco.machine.count();
  ATOLL_TRY(diloco.state.shared.add_tensor("outer_parameters", diloco.machine.shared_outer().data(),
                                          atoll_core::DataType::kFloat32, count));
  return diloco.state.shared.add_tensor("outer_momentum", diloco.machine.shared_momentum().data(),
                                       atoll_core::DataType::kFloat32, count);
}

capi::Started start_sync(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                         atollSyncInfo_t* info, const capi::CallSite& site) {
  ATOLL_TRY(capi::require(diloco, site.function, "diloco"));
  ATOLL_TRY(require_parameters(*diloco, parameters, site.function));
  auto in_call = enter(*diloco, site.caller);
  if (!in_call) return tl::unexpected(in_call.error());
  atollSyncOptions_t options = ATOLL_SYNC_OPTIONS_INITIALIZER;
  options.tag = diloco->tag;
  auto request = capi::start_sync(comm, diloco->state, options, info, site);
  if (!request) return request;
  (*request)->end = [diloco, parameters, in_call = *in_call, synced = std::move((*request)->end)](
                        Result<peer::CallInfo> result, atollOpInfo_t* op) mutable -> Result<void> {
    const Result<void> ended = synced(std::move(result), op);
    synced = {};  // the state is not in the call any more
    if (!ended) return ended;
    const Result<uint64_t> revision = diloco->state.shared.revision();
    if (!revision) return tl::unexpected(revision.error());
    diloco->machine.adopt_round(*revision);
    diloco->machine.copy_outer(std::span(parameters, diloco->machine.count()));
    return {};
  };
  return request;
}

// The outer step, when the mean is there.
Result<void> finish_step(atollDiloco& diloco, float* parameters, const atollOpInfo_t& reduced,
                         atollDilocoInfo_t* info) {
  DilocoMachine& machine = diloco.machine;
  ATOLL_TRY(diloco.state.shared.begin_write());
  atollDilocoInfo_t out = ATOLL_DILOCO_INFO_INITIALIZER;
  out.pseudo_gradient_norm = machine.finish_round(std::span(parameters, machine.count()));
  ATOLL_TRY(diloco.state.shared.publish(machine.round()));
  out.round = machine.round();
  out.contributors = reduced.contributors;
  out.attempts = reduced.attempts;
  out.bytes_sent = reduced.bytes_sent;
  out.bytes_received = reduced.bytes_received;
  out.duration_us = reduced.duration_us;
  capi::sized_return(info, out);
  return {};
}

capi::Started start_step(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                         atollDilocoInfo_t* info, const capi::CallSite& site) {
  ATOLL_TRY(capi::require(diloco, site.function, "diloco"));
  ATOLL_TRY(require_parameters(*diloco, parameters, site.function));
  ATOLL_TRY(capi::require_sized(info, site.function, "info"));
  auto in_call = enter(*diloco, site.caller);
  if (!in_call) return tl::unexpected(in_call.error());
  DilocoMachine& machine = diloco->machine;
  const atoll_core::ReduceRequest reduce =
      machine.begin_round(std::span(parameters, machine.count()));
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.tag = diloco->tag;
  const atollTensor_t tensor = {reduce.input, reduce.output, reduce.count};
  auto request = capi::start_all_reduce({&tensor, 1, atollFloat32}, atollAvg, comm, &options, site);
  if (!request) return request;
  (*request)->end = [diloco, parameters, info, in_call = *in_call,
                     reduced = std::move((*request)->end)](
                        Result<peer::CallInfo> result, atollOpInfo_t*) -> Result<void> {
    atollOpInfo_t op = ATOLL_OP_INFO_INITIALIZER;
    ATOLL_TRY(reduced(std::move(result), &op));
    return finish_step(*diloco, parameters, op, info);
  };
  return request;
}

}  // namespace

atollResult_t atollDilocoCreate(atollDiloco_t* diloco, const float* parameters, uint64_t count,
                                const atollDilocoConfig_t* config) {
  return capi::guard([&]() -> Result<void> {
    static const char* const kFunction = "atollDilocoCreate";
    ATOLL_TRY(capi::require(diloco, kFunction, "diloco"));
    *diloco = nullptr;
    if (count > 0) ATOLL_TRY(capi::require(parameters, kFunction, "parameters"));
    ATOLL_TRY(capi::require_count(count, 1, atoll_core::DataType::kFloat32, kFunction));
    const atollDilocoConfig_t defaults = ATOLL_DILOCO_CONFIG_INITIALIZER;
    auto given = capi::sized_copy(config, defaults, kFunction, "config");
    if (!given) return tl::unexpected(given.error());
    ATOLL_TRY(capi::require_tag(given->tag, kFunction, "config->tag"));
    const atoll_core::DilocoOptions options{given->learning_rate, given->momentum,
                                            given->nesterov != 0};
    ATOLL_TRY(atoll_core::validate(options));
    auto made = std::make_unique<atollDiloco>(std::span(parameters, count), options);
    made->tag = given->tag;
    ATOLL_TRY(add_tensors(*made));
    *diloco = made.release();
    return {};
  });
}

atollResult_t atollDilocoDestroy(atollDiloco_t diloco) {
  return capi::guard([&]() -> Result<void> {
    capi::destroy(diloco);
    return {};
  });
}

atollResult_t atollDilocoSync(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                              atollSyncInfo_t* info) {
  return capi::blocking(nullptr, "atollDilocoSync", [&] {
    return start_sync(diloco, comm, parameters, info, {"atollDilocoSync", peer::Caller::kWaits});
  });
}

atollResult_t atollDilocoSyncAsync(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                                   atollSyncInfo_t* info, atollRequest_t* request) {
  return capi::asynchronous(request, "atollDilocoSyncAsync", [&] {
    return start_sync(diloco, comm, parameters, info, {"atollDilocoSyncAsync"});
  });
}

atollResult_t atollDilocoStep(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                              atollDilocoInfo_t* info) {
  return capi::blocking(nullptr, "atollDilocoStep", [&] {
    return start_step(diloco, comm, parameters, info, {"atollDilocoStep", peer::Caller::kWaits});
  });
}

atollResult_t atollDilocoStepAsync(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                                   atollDilocoInfo_t* info, atollRequest_t* request) {
  return capi::asynchronous(request, "atollDilocoStepAsync", [&] {
    return start_step(diloco, comm, parameters, info, {"atollDilocoStepAsync"});
  });
}

atollResult_t atollDilocoGetOuter(atollDiloco_t diloco, float* parameters, uint64_t* round) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(diloco, "atollDilocoGetOuter", "diloco"));
    const peer::Occupied occupied(diloco->occupancy, kTheOptimizer);
    if (!occupied.taken()) return occupied.taken();
    if (parameters != nullptr) {
      diloco->machine.copy_outer(std::span(parameters, diloco->machine.count()));
    }
    if (round != nullptr) *round = diloco->machine.round();
    return {};
  });
}
