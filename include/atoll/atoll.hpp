// Atoll for C++17 and later: thin owners over atoll.h, which says what each call does. Errors are
// thrown as atoll_cpp::Error; objects can be moved and not copied; options and results are the
// structs of the C header. The namespace cannot be called atoll: <cstdlib> has a function of that
// name.
//
//   atoll_cpp::Communicator comm("127.0.0.1:7700");
//   comm.connect();
//   comm.update();
//   comm.all_reduce(gradient.data(), mean.data(), gradient.size(), atollAvg);
#ifndef ATOLL_ATOLL_HPP
#define ATOLL_ATOLL_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "atoll/atoll.h"

namespace atoll_cpp {

class Error : public std::runtime_error {
 public:
  Error(atollResult_t result, const std::string& sentence)
      : std::runtime_error(sentence), result_(result) {}

  atollResult_t result() const noexcept { return result_; }
  // What to do next; see atollResult_t.
  bool should_retry() const noexcept { return result_ / 100 == 2; }
  bool should_reconnect() const noexcept { return result_ / 100 == 3; }

 private:
  atollResult_t result_;
};

inline void check(atollResult_t result) {
  if (result == atollSuccess) return;
  const std::string sentence = atollGetLastError();
  throw Error(result, sentence.empty() ? atollGetErrorString(result) : sentence);
}

namespace detail {

struct DestroyCoordinator {
  void operator()(atollCoordinator_t handle) const noexcept { atollCoordinatorDestroy(handle); }
};
struct DestroyComm {
  void operator()(atollComm_t handle) const noexcept { atollCommDestroy(handle); }
};
struct DestroyState {
  void operator()(atollState_t handle) const noexcept { atollStateDestroy(handle); }
};
struct DestroyDiloco {
  void operator()(atollDiloco_t handle) const noexcept { atollDilocoDestroy(handle); }
};
// The buffers of a call are the library's until it has ended, so its owner has to see the end.
struct EndRequest {
  void operator()(atollRequest_t handle) const noexcept {
    atollCancel(handle);
    atollWait(handle, nullptr);
  }
};

template <class Handle, class Deleter>
using Owner = std::unique_ptr<std::remove_pointer_t<Handle>, Deleter>;

}  // namespace detail

// The datatype of a C++ type. Half types have none: name them.
template <class T>
constexpr atollDataType_t data_type() {
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && sizeof(T) <= 8,
                "not an element type of Atoll");
  if constexpr (std::is_floating_point_v<T>) {
    return sizeof(T) == 4 ? atollFloat32 : atollFloat64;
  } else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 1   ? atollInt8
           : sizeof(T) == 2 ? atollInt16
           : sizeof(T) == 4 ? atollInt32
                            : atollInt64;
  } else {
    return sizeof(T) == 1   ? atollUint8
           : sizeof(T) == 2 ? atollUint16
           : sizeof(T) == 4 ? atollUint32
                            : atollUint64;
  }
}

inline atollCommConfig_t comm_config() { return ATOLL_COMM_CONFIG_INITIALIZER; }
inline atollCoordinatorConfig_t coordinator_config() {
  return ATOLL_COORDINATOR_CONFIG_INITIALIZER;
}
inline atollOpOptions_t op_options() { return ATOLL_OP_OPTIONS_INITIALIZER; }
// For averages: what this peer brings counts so much.
inline atollOpOptions_t op_options(double weight) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.weight = weight;
  return options;
}
inline atollOpInfo_t op_info() { return ATOLL_OP_INFO_INITIALIZER; }
inline atollFollowOptions_t follow_options() { return ATOLL_FOLLOW_OPTIONS_INITIALIZER; }
inline atollSyncOptions_t sync_options() { return ATOLL_SYNC_OPTIONS_INITIALIZER; }
inline atollDilocoConfig_t diloco_config() { return ATOLL_DILOCO_CONFIG_INITIALIZER; }

// ---- coordinator -------------------------------------------------------------------------------

class Coordinator {
 public:
  explicit Coordinator(const atollCoordinatorConfig_t& config = coordinator_config()) {
    atollCoordinator_t handle = nullptr;
    check(atollCoordinatorCreate(&handle, &config));
    handle_.reset(handle);
  }

  std::string address() const {
    const char* text = nullptr;
    check(atollCoordinatorGetAddress(handle_.get(), &text));
    return text;
  }
  void run() { check(atollCoordinatorRun(handle_.get())); }
  void stop() { check(atollCoordinatorStop(handle_.get())); }
  atollCoordinator_t handle() const noexcept { return handle_.get(); }

 private:
  detail::Owner<atollCoordinator_t, detail::DestroyCoordinator> handle_;
};

// ---- calls in flight ---------------------------------------------------------------------------

// Destroyed before its end, it cancels the call and waits for the end.
class Request {
 public:
  explicit Request(atollRequest_t handle) : handle_(handle) {}

  // Waits for the end. At most once, and not after test() has told it.
  atollOpInfo_t wait() {
    atollOpInfo_t info = op_info();
    check(atollWait(handle_.release(), &info));
    return info;
  }
  // Nothing while the call goes on.
  std::optional<atollOpInfo_t> test() {
    atollOpInfo_t info = op_info();
    const atollResult_t result = atollTest(handle_.get(), &info);
    if (result == atollInProgress) return std::nullopt;
    static_cast<void>(handle_.release());
    check(result);
    return info;
  }
  void cancel() { check(atollCancel(handle_.get())); }
  // False after the end.
  explicit operator bool() const noexcept { return handle_ != nullptr; }

 private:
  detail::Owner<atollRequest_t, detail::EndRequest> handle_;
};

// ---- communicator ------------------------------------------------------------------------------

class State;

class Communicator {
 public:
  explicit Communicator(const atollCommConfig_t& config) {
    atollComm_t handle = nullptr;
    check(atollCommCreate(&handle, &config));
    handle_.reset(handle);
  }
  explicit Communicator(const std::string& coordinator)
      : Communicator(config_for(coordinator.c_str())) {}

  void connect() { check(atollCommConnect(handle_.get())); }
  void leave() { check(atollCommLeave(handle_.get())); }
  void abort() { check(atollCommAbort(handle_.get())); }

  atollView_t update() {
    atollView_t view = ATOLL_VIEW_INITIALIZER;
    check(atollUpdate(handle_.get(), &view));
    return view;
  }
  void optimize_topology(const atollOpOptions_t& options = op_options()) {
    check(atollOptimizeTopology(handle_.get(), &options));
  }
  atollView_t view() const {
    atollView_t view = ATOLL_VIEW_INITIALIZER;
    check(atollGetView(handle_.get(), &view));
    return view;
  }
  uint64_t attribute(atollAttribute_t attribute) const {
    uint64_t value = 0;
    check(atollGetAttribute(handle_.get(), attribute, &value));
    return value;
  }
  uint64_t peer_at(uint32_t rank) const {
    uint64_t peer = 0;
    check(atollGetPeerAt(handle_.get(), rank, &peer));
    return peer;
  }

  template <class T>
  atollOpInfo_t all_reduce(const T* send, T* receive, size_t count, atollRedOp_t op = atollSum,
                           const atollOpOptions_t& options = op_options()) {
    return all_reduce(send, receive, count, data_type<T>(), op, options);
  }
  atollOpInfo_t all_reduce(const void* send, void* receive, size_t count, atollDataType_t type,
                           atollRedOp_t op, const atollOpOptions_t& options = op_options()) {
    atollOpInfo_t info = op_info();
    check(atollAllReduce(send, receive, count, type, op, handle_.get(), &options, &info));
    return info;
  }
  atollOpInfo_t all_reduce_batch(const std::vector<atollTensor_t>& tensors, atollDataType_t type,
                                 atollRedOp_t op, const atollOpOptions_t& options = op_options()) {
    atollOpInfo_t info = op_info();
    check(atollAllReduceBatch(tensors.data(), static_cast<uint32_t>(tensors.size()), type, op,
                              handle_.get(), &options, &info));
    return info;
  }
  // `send` is read on the root only.
  template <class T>
  atollOpInfo_t broadcast(const T* send, T* receive, size_t count, uint64_t root,
                          const atollOpOptions_t& options = op_options()) {
    atollOpInfo_t info = op_info();
    check(
        atollBroadcast(send, receive, count, data_type<T>(), root, handle_.get(), &options, &info));
    return info;
  }
  void barrier(const atollOpOptions_t& options = op_options()) {
    check(atollBarrier(handle_.get(), &options));
  }

  template <class T>
  Request all_reduce_async(const T* send, T* receive, size_t count, atollRedOp_t op = atollSum,
                           const atollOpOptions_t& options = op_options()) {
    atollRequest_t request = nullptr;
    check(atollAllReduceAsync(send, receive, count, data_type<T>(), op, handle_.get(), &options,
                              &request));
    return Request(request);
  }
  Request all_reduce_batch_async(const std::vector<atollTensor_t>& tensors, atollDataType_t type,
                                 atollRedOp_t op, const atollOpOptions_t& options = op_options()) {
    atollRequest_t request = nullptr;
    check(atollAllReduceBatchAsync(tensors.data(), static_cast<uint32_t>(tensors.size()), type, op,
                                   handle_.get(), &options, &request));
    return Request(request);
  }
  template <class T>
  Request broadcast_async(const T* send, T* receive, size_t count, uint64_t root,
                          const atollOpOptions_t& options = op_options()) {
    atollRequest_t request = nullptr;
    check(atollBroadcastAsync(send, receive, count, data_type<T>(), root, handle_.get(), &options,
                              &request));
    return Request(request);
  }

  // Before the first update(), which then brings the members' state into `state`.
  void follow(State& state, const atollFollowOptions_t& options = follow_options());
  atollSyncInfo_t sync(State& state, const atollSyncOptions_t& options = sync_options());

  // As JSON, also while other threads wait in calls.
  std::string state() const {
    std::string text;
    size_t needed = 0;
    check(atollFormatState(handle_.get(), nullptr, 0, &needed));
    for (;;) {  // it may have grown in between
      text.resize(needed + 4096);
      const atollResult_t result =
          atollFormatState(handle_.get(), &text[0], text.size(), &needed);
      if (result == atollInvalidArgument && needed > text.size()) continue;
      check(result);
      text.resize(needed - 1);
      return text;
    }
  }
  void dump_state(const char* path = nullptr) const { check(atollDumpState(handle_.get(), path)); }

  atollComm_t handle() const noexcept { return handle_.get(); }

 private:
  static atollCommConfig_t config_for(const char* coordinator) {
    atollCommConfig_t config = comm_config();
    config.coordinator = coordinator;
    return config;
  }

  detail::Owner<atollComm_t, detail::DestroyComm> handle_;
};

// ---- shared state ------------------------------------------------------------------------------

// The tensors belong to the caller and must outlive the object.
class State {
 public:
  State() {
    atollState_t handle = nullptr;
    check(atollStateCreate(&handle));
    handle_.reset(handle);
  }

  template <class T>
  void add_tensor(const std::string& name, T* data, size_t count) {
    add_tensor(name, data, data_type<T>(), count);
  }
  void add_tensor(const std::string& name, void* data, atollDataType_t type, size_t count) {
    check(atollStateAddTensor(handle_.get(), name.c_str(), data, type, count));
  }
  void begin_write() { check(atollStateBeginWrite(handle_.get())); }
  void publish(uint64_t revision) { check(atollStatePublish(handle_.get(), revision)); }
  uint64_t revision() const {
    uint64_t revision = 0;
    check(atollStateGetRevision(handle_.get(), &revision));
    return revision;
  }
  atollState_t handle() const noexcept { return handle_.get(); }

 private:
  detail::Owner<atollState_t, detail::DestroyState> handle_;
};

inline void Communicator::follow(State& state, const atollFollowOptions_t& options) {
  check(atollFollowState(handle_.get(), state.handle(), &options));
}

inline atollSyncInfo_t Communicator::sync(State& state, const atollSyncOptions_t& options) {
  atollSyncInfo_t info = ATOLL_SYNC_INFO_INITIALIZER;
  check(atollSyncState(handle_.get(), state.handle(), &options, &info));
  return info;
}

// ---- DiLoCo ------------------------------------------------------------------------------------

class Diloco {
 public:
  explicit Diloco(const std::vector<float>& parameters,
                  const atollDilocoConfig_t& config = diloco_config())
      : count_(parameters.size()) {
    atollDiloco_t handle = nullptr;
    check(atollDilocoCreate(&handle, parameters.data(), parameters.size(), &config));
    handle_.reset(handle);
  }

  atollSyncInfo_t sync(Communicator& comm, std::vector<float>& parameters) {
    check_size(parameters);
    atollSyncInfo_t info = ATOLL_SYNC_INFO_INITIALIZER;
    check(atollDilocoSync(handle_.get(), comm.handle(), parameters.data(), &info));
    return info;
  }
  atollDilocoInfo_t step(Communicator& comm, std::vector<float>& parameters) {
    check_size(parameters);
    atollDilocoInfo_t info = ATOLL_DILOCO_INFO_INITIALIZER;
    check(atollDilocoStep(handle_.get(), comm.handle(), parameters.data(), &info));
    return info;
  }
  std::vector<float> outer() const {
    std::vector<float> parameters(count_);
    check(atollDilocoGetOuter(handle_.get(), parameters.data(), nullptr));
    return parameters;
  }
  uint64_t round() const {
    uint64_t round = 0;
    check(atollDilocoGetOuter(handle_.get(), nullptr, &round));
    return round;
  }
  atollDiloco_t handle() const noexcept { return handle_.get(); }

 private:
  void check_size(const std::vector<float>& parameters) const {
    if (parameters.size() == count_) return;
    throw Error(atollInvalidArgument, "there are " + std::to_string(parameters.size()) +
                                          " parameters, the optimizer was made for " +
                                          std::to_string(count_));
  }

  size_t count_;
  detail::Owner<atollDiloco_t, detail::DestroyDiloco> handle_;
};

}  // namespace atoll_cpp

#endif  // ATOLL_ATOLL_HPP
