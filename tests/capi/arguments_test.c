/* Bad arguments and calls at the wrong time: a typed error with a sentence, never a crash. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void null_handles_are_refused(void) {
  uint64_t number = 0;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  const char* text = NULL;
  float value = 1;
  CHECK_RESULT(atollCommCreate(NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollCommConnect(NULL), atollInvalidArgument);
  CHECK_RESULT(atollCommLeave(NULL), atollInvalidArgument);
  CHECK_RESULT(atollCommAbort(NULL), atollInvalidArgument);
  CHECK_RESULT(atollUpdate(NULL, &view), atollInvalidArgument);
  CHECK_RESULT(atollGetView(NULL, &view), atollInvalidArgument);
  CHECK_RESULT(atollGetAttribute(NULL, atollAttributeWorld, &number), atollInvalidArgument);
  CHECK_RESULT(atollGetPeerAt(NULL, 0, &number), atollInvalidArgument);
  CHECK_RESULT(atollBarrier(NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollOptimizeTopology(NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollAllReduce(&value, &value, 1, atollFloat32, atollSum, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollBroadcast(&value, &value, 1, atollFloat32, 1, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollReduceScatter(&value, &value, 1, atollFloat32, atollSum, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllGather(&value, &value, 1, atollFloat32, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollReduce(&value, &value, 1, atollFloat32, atollSum, 1, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollGather(&value, &value, 1, atollFloat32, 1, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollScatter(&value, &value, 1, atollFloat32, 1, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollSend(&value, 1, atollFloat32, 1, NULL, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollRecv(&value, 1, atollFloat32, 1, NULL, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollBarrierAsync(NULL, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollSyncState(NULL, NULL, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollWait(NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollTest(NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollCancel(NULL), atollInvalidArgument);
  CHECK_RESULT(atollCoordinatorCreate(NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollCoordinatorGetAddress(NULL, &text), atollInvalidArgument);
  CHECK_RESULT(atollCoordinatorRun(NULL), atollInvalidArgument);
  CHECK_RESULT(atollCoordinatorStop(NULL), atollInvalidArgument);
  CHECK_RESULT(atollDilocoCreate(NULL, &value, 1, NULL), atollInvalidArgument);
  CHECK_RESULT(atollDilocoStep(NULL, NULL, &value, NULL), atollInvalidArgument);
  CHECK_RESULT(atollStateCreate(NULL), atollInvalidArgument);
  CHECK_RESULT(atollStatePublish(NULL, 1), atollInvalidArgument);
}

static void destroying_nothing_is_fine(void) {
  CHECK_OK(atollCommDestroy(NULL));
  CHECK_OK(atollCoordinatorDestroy(NULL));
  CHECK_OK(atollStateDestroy(NULL));
  CHECK_OK(atollDilocoDestroy(NULL));
}

static void wrong_addresses_are_refused(void) {
  static const char* const kWrong[] = {"",          "host",       "host:",     ":7700",
                                       "host:port", "host:70000", "[::1:7700", "host:77 00"};
  size_t i;
  for (i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); ++i) {
    atollComm_t comm = NULL;
    atollCoordinator_t coordinator = NULL;
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    atollCoordinatorConfig_t coordinator_config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
    config.coordinator = kWrong[i];
    CHECK_RESULT(atollCommCreate(&comm, &config), atollInvalidArgument);
    CHECK(comm == NULL);
    coordinator_config.listen = kWrong[i];
    CHECK_RESULT(atollCoordinatorCreate(&coordinator, &coordinator_config), atollInvalidArgument);
    CHECK(coordinator == NULL);
  }
}

static void wrong_configs_are_refused(void) {
  atollComm_t comm = NULL;
  atollCoordinator_t coordinator = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollCoordinatorConfig_t open_to_all = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  CHECK_RESULT(atollCommCreate(&comm, &config), atollInvalidArgument); /* no coordinator */
  config.coordinator = "127.0.0.1:7700";
  config.shard = 2;
  config.shard_count = 2;
  CHECK_RESULT(atollCommCreate(&comm, &config), atollInvalidArgument);
  config.shard = 0;
  config.shard_count = 0;
  CHECK_RESULT(atollCommCreate(&comm, &config), atollInvalidArgument);
  config.shard_count = 1;
  config.size = 0;
  CHECK_RESULT(atollCommCreate(&comm, &config), atollInvalidArgument);
  open_to_all.listen = "0.0.0.0:0";
  CHECK_RESULT(atollCoordinatorCreate(&coordinator, &open_to_all), atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "0.0.0.0") != NULL);
}

static void calls_before_connect_are_refused(void) {
  atollComm_t comm = NULL;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  float value = 3;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = "127.0.0.1:7700";
  CHECK_OK(atollCommCreate(&comm, &config));
  CHECK_RESULT(atollUpdate(comm, &view), atollNotConnected);
  CHECK_RESULT(atollGetView(comm, &view), atollNotConnected);
  CHECK_RESULT(atollBarrier(comm, NULL), atollNotConnected);
  CHECK_RESULT(atollOptimizeTopology(comm, NULL), atollNotConnected);
  CHECK_RESULT(atollAllReduce(&value, &value, 1, atollFloat32, atollSum, comm, NULL, NULL),
               atollNotConnected);
  CHECK(value == 3);
  CHECK_OK(atollCommDestroy(comm));
}

/* A port on which nobody listens: that of a coordinator that is gone. */
static void an_absent_coordinator_is_an_error_in_time(void) {
  LocalRun run = local_run_start(1);
  char address[64];
  atollComm_t comm = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  int64_t start;
  CHECK(strlen(run.address) < sizeof(address));
  strncpy(address, run.address, sizeof(address) - 1);
  address[sizeof(address) - 1] = '\0';
  local_run_stop(&run);
  config.coordinator = address;
  config.connect_timeout_ms = 500;
  CHECK_OK(atollCommCreate(&comm, &config));
  start = now_ms();
  CHECK_RESULT(atollCommConnect(comm), atollCoordinatorUnreachable);
  CHECK(strstr(atollGetLastError(), address) != NULL);
  CHECK(now_ms() - start < 10000);
  CHECK_OK(atollCommDestroy(comm));
}

/* Whatever is wrong with the weight of a call, before the call uses up a sequence number. */
static void wrong_weights_are_refused(atollComm_t comm) {
  static const double kWrong[] = {-1.0, -1e-300, 1e300, HUGE_VAL, -HUGE_VAL};
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  float values[2] = {1, 2};
  int32_t integers[2] = {1, 2};
  size_t i;
  for (i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); ++i) {
    options.weight = kWrong[i];
    CHECK_RESULT(atollAllReduce(values, values, 2, atollFloat32, atollAvg, comm, &options, NULL),
                 atollInvalidArgument);
  }
  options.weight = nan("");
  CHECK_RESULT(atollAllReduce(values, values, 2, atollFloat32, atollAvg, comm, &options, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "weight") != NULL);
  options.weight = 2;
  CHECK_RESULT(atollAllReduce(values, values, 2, atollFloat32, atollSum, comm, &options, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "atollAvg") != NULL);
  CHECK_RESULT(atollAllReduce(integers, integers, 2, atollInt32, atollAvg, comm, &options, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "int32") != NULL);
  CHECK_RESULT(atollBroadcast(values, values, 2, atollFloat32, 1, comm, &options, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollBarrier(comm, &options), atollInvalidArgument);
}

static void wrong_flags_are_refused(atollComm_t comm) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  float values[2] = {1, 2};
  options.flags = 6;
  CHECK_RESULT(atollAllReduce(values, values, 2, atollFloat32, atollSum, comm, &options, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "0x6") != NULL);
  options.flags = ATOLL_KEEP_COMPLETED_SEGMENTS;
  options.input_disposable = 1;
  CHECK_RESULT(atollAllReduce(values, values, 2, atollFloat32, atollSum, comm, &options, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "disposable") != NULL);
}

static void wrong_arguments_of_collectives_are_refused(void) {
  LocalRun run = local_run_start(1);
  atollComm_t comm = local_run_join_alone(&run);
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  atollRequest_t request = NULL;
  uint64_t number = 0;
  float values[4] = {1, 2, 3, 4};
  CHECK_RESULT(atollAllReduce(values, values, 4, (atollDataType_t)77, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllReduce(values, values, 4, atollFloat32, (atollRedOp_t)-1, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllReduce(NULL, values, 4, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllReduce(values, NULL, 4, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllReduce(values, values + 1, 3, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument); /* overlap */
  CHECK_RESULT(atollAllReduceBatch(NULL, 2, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllReduceAsync(values, values, 4, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  options.group = (atollGroup_t)9;
  CHECK_RESULT(
      atollAllReduceAsync(values, values, 4, atollFloat32, atollSum, comm, &options, &request),
      atollInvalidArgument);
  CHECK(request == NULL);
  options.group = atollGroupShard;
  options.algorithm = (atollAlgorithm_t)9;
  CHECK_RESULT(atollBarrier(comm, &options), atollInvalidArgument);
  CHECK_RESULT(atollGetAttribute(comm, (atollAttribute_t)99, &number), atollInvalidArgument);
  CHECK_RESULT(atollGetPeerAt(comm, 1, &number), atollInvalidArgument);
  CHECK_RESULT(atollCommConnect(comm), atollInvalidUsage);
  wrong_weights_are_refused(comm);
  wrong_flags_are_refused(comm);
  CHECK(values[0] == 1 && values[1] == 2 && values[2] == 3 && values[3] == 4);
  /* None of that has used up a call. */
  CHECK_OK(atollAllReduce(values, values, 4, atollFloat32, atollSum, comm, NULL, NULL));
  CHECK_OK(atollCommDestroy(comm));
  local_run_stop(&run);
}

static void resetting_needs_a_connected_communicator(void) {
  atollComm_t comm = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = "127.0.0.1:1";
  CHECK_RESULT(atollResetConnections(NULL), atollInvalidArgument);
  CHECK_OK(atollCommCreate(&comm, &config));
  CHECK_RESULT(atollResetConnections(comm), atollNotConnected);
  CHECK_OK(atollCommDestroy(comm));
}

int main(void) {
  null_handles_are_refused();
  destroying_nothing_is_fine();
  wrong_addresses_are_refused();
  wrong_configs_are_refused();
  calls_before_connect_are_refused();
  resetting_needs_a_connected_communicator();
  an_absent_coordinator_is_an_error_in_time();
  wrong_arguments_of_collectives_are_refused();
  return check_status();
}
