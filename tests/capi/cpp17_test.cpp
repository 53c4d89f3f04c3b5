// atoll.hpp as a C++17 program uses it, with a world of one.
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "atoll/atoll.hpp"
#include "support/check.h"

namespace {

static_assert(std::is_move_constructible_v<atoll_cpp::Communicator> &&
              !std::is_copy_constructible_v<atoll_cpp::Communicator>);
static_assert(atoll_cpp::data_type<float>() == atollFloat32);
static_assert(atoll_cpp::data_type<int8_t>() == atollInt8);
static_assert(atoll_cpp::data_type<unsigned long long>() == atollUint64);

// Serves on a thread while it lives.
class CoordinatorThread {
 public:
  CoordinatorThread() : thread_([this] { coordinator_.run(); }) {}
  ~CoordinatorThread() {
    coordinator_.stop();
    thread_.join();
  }
  std::string address() const { return coordinator_.address(); }

 private:
  atoll_cpp::Coordinator coordinator_;
  std::thread thread_;
};

template <class Call>
atollResult_t result_of(Call call) {
  try {
    call();
  } catch (const atoll_cpp::Error& error) {
    CHECK(error.what()[0] != '\0');
    return error.result();
  }
  return atollSuccess;
}

void errors_are_thrown() {
  CHECK_EQUAL(result_of([] { atoll_cpp::Communicator comm("no address"); }), atollInvalidArgument);
  atoll_cpp::Communicator comm("127.0.0.1:7700");
  try {
    comm.barrier();
    CHECK(!"an error is thrown");
  } catch (const atoll_cpp::Error& error) {
    CHECK_EQUAL(error.result(), atollNotConnected);
    CHECK(error.should_reconnect() && !error.should_retry());
  }
  atoll_cpp::Diloco diloco({1, 2, 3});
  std::vector<float> too_few(2);
  CHECK_EQUAL(result_of([&] { diloco.step(comm, too_few); }), atollInvalidArgument);
}

void collectives(atoll_cpp::Communicator& comm) {
  const std::vector<double> source = {1.5, -2.5, 3.5};
  std::vector<double> target(3);
  CHECK_EQUAL(comm.all_reduce(source.data(), target.data(), 3, atollAvg).contributors, 1);
  CHECK(source == target);
  target.assign(3, 7);
  const atollOpOptions_t half = atoll_cpp::op_options(0.5);
  CHECK(comm.all_reduce(source.data(), target.data(), 3, atollAvg, half).total_weight == 0.5);
  CHECK(source == target);
  target.assign(3, 7);
  comm.broadcast(source.data(), target.data(), 3, comm.peer_at(0));
  CHECK(source == target);
  comm.barrier();
  target.assign(3, 7);
  comm.all_reduce_batch({{source.data(), target.data(), 3}}, atollFloat64, atollSum);
  CHECK(source == target);
  CHECK_EQUAL(comm.attribute(atollAttributeWorld), 1);
}

void requests(atoll_cpp::Communicator& comm) {
  const std::vector<int> source = {4, -5};
  std::vector<int> target(2);
  atoll_cpp::Request request = comm.all_reduce_async(source.data(), target.data(), 2);
  atoll_cpp::Request moved = std::move(request);
  CHECK(!request && moved);
  CHECK_EQUAL(moved.wait().contributors, 1);
  CHECK(!moved && source == target);
  target.assign(2, 0);
  atoll_cpp::Request tested = comm.all_reduce_async(source.data(), target.data(), 2);
  while (!tested.test()) std::this_thread::yield();
  CHECK(source == target);
  // Dropped without waiting: its destructor sees the end.
  comm.all_reduce_async(source.data(), target.data(), 2);
  comm.barrier();
}

void shared_state(atoll_cpp::Communicator& comm) {
  std::vector<float> weights = {1, 2};
  atoll_cpp::State state;
  state.add_tensor("weights", weights.data(), weights.size());
  state.publish(3);
  CHECK_EQUAL(comm.sync(state).revision, 3);
  state.begin_write();
  weights[0] = 9;
  state.publish(4);
  CHECK_EQUAL(state.revision(), 4);
}

void diloco(atoll_cpp::Communicator& comm) {
  std::vector<float> parameters = {1, -1};
  atoll_cpp::Diloco diloco(parameters);
  diloco.sync(comm, parameters);
  parameters[0] = 0.5f;
  CHECK_EQUAL(diloco.step(comm, parameters).round, 1);
  CHECK(parameters == diloco.outer());
  CHECK(parameters[0] < 0.5f && parameters[1] == -1);
  CHECK_EQUAL(diloco.round(), 1);
}

}  // namespace

int main() {
  errors_are_thrown();
  CoordinatorThread coordinator;
  atoll_cpp::Communicator comm(coordinator.address());
  comm.connect();
  CHECK_EQUAL(comm.update().world, 1);
  collectives(comm);
  requests(comm);
  shared_state(comm);
  diloco(comm);
  comm.leave();
  return check_status();
}
