#include <mutex>
#include <utility>

#include "capi/argument_rules.h"
#include "capi/collective_call.h"
#include "capi/guard.h"
#include "capi/state.h"
#include "optim/diloco_machine.h"

namespace capi = atoll_core::capi;
using atoll_core::DilocoMachine;
using atoll_core::ErrorCode;
using atoll_core::Result;
using atoll_core::fail;

// The outer optimizer and its shared state. `state` names the machine's own buffers.
struct atollDiloco : capi::Handle {
  atollDiloco(std::span<const float> parameters, const atoll_core::DilocoOptions& options)
      : machine(parameters, options) {}

  std::mutex mutex;
  DilocoMachine machine;
  atollState state;
  uint64_t tag = 0;
};

namespace {

// Whatever ends a step before its outer step, the round is given up and may be begun again.
class OpenRound {
 public:
  explicit OpenRound(DilocoMachine& machine) : machine_(machine) {}
  ~OpenRound() {
    if (machine_.round_open()) machine_.abandon_round();
  }
  OpenRound(const OpenRound&) = delete;
  OpenRound& operator=(const OpenRound&) = delete;

 private:
  DilocoMachine& machine_;
};

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

Result<atollOpInfo_t> reduce_mean(atollDiloco& diloco, atollComm_t comm,
                                  const atoll_core::ReduceRequest& reduce) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.tag = diloco.tag;
  const atollTensor_t tensor = {reduce.input, reduce.output, reduce.count};
  auto request = capi::start_all_reduce({&tensor, 1, atollFloat32}, atollAvg, comm, &options,
                                        {"atollDilocoStep", atoll_core::peer::Caller::kWaits});
  if (!request) return tl::unexpected(request.error());
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  ATOLL_TRY(capi::wait_request(**request, &info));
  return info;
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
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(diloco, "atollDilocoSync", "diloco"));
    ATOLL_TRY(require_parameters(*diloco, parameters, "atollDilocoSync"));
    const std::lock_guard<std::mutex> lock(diloco->mutex);
    atollSyncOptions_t options = ATOLL_SYNC_OPTIONS_INITIALIZER;
    options.tag = diloco->tag;
    ATOLL_TRY(capi::sync_state(comm, diloco->state, options, info));
    diloco->machine.adopt_round(diloco->state.shared.revision());
    diloco->machine.copy_outer(std::span(parameters, diloco->machine.count()));
    return {};
  });
}

atollResult_t atollDilocoStep(atollDiloco_t diloco, atollComm_t comm, float* parameters,
                              atollDilocoInfo_t* info) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(diloco, "atollDilocoStep", "diloco"));
    ATOLL_TRY(require_parameters(*diloco, parameters, "atollDilocoStep"));
    ATOLL_TRY(capi::require_sized(info, "atollDilocoStep", "info"));
    const std::lock_guard<std::mutex> lock(diloco->mutex);
    DilocoMachine& machine = diloco->machine;
    const std::span<float> local(parameters, machine.count());
    const OpenRound round(machine);
    auto reduced = reduce_mean(*diloco, comm, machine.begin_round(local));
    if (!reduced) return tl::unexpected(reduced.error());
    ATOLL_TRY(diloco->state.shared.begin_write());
    atollDilocoInfo_t out = ATOLL_DILOCO_INFO_INITIALIZER;
    out.pseudo_gradient_norm = machine.finish_round(local);
    ATOLL_TRY(diloco->state.shared.publish(machine.round()));
    out.round = machine.round();
    out.contributors = reduced->contributors;
    out.attempts = reduced->attempts;
    out.bytes_sent = reduced->bytes_sent;
    out.bytes_received = reduced->bytes_received;
    out.duration_us = reduced->duration_us;
    capi::sized_return(info, out);
    return {};
  });
}

atollResult_t atollDilocoGetOuter(atollDiloco_t diloco, float* parameters, uint64_t* round) {
  return capi::guard([&]() -> Result<void> {
    ATOLL_TRY(capi::require(diloco, "atollDilocoGetOuter", "diloco"));
    const std::lock_guard<std::mutex> lock(diloco->mutex);
    if (parameters != nullptr) {
      diloco->machine.copy_outer(std::span(parameters, diloco->machine.count()));
    }
    if (round != nullptr) *round = diloco->machine.round();
    return {};
  });
}
