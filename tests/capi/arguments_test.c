/* Bad arguments and calls at the wrong time: a typed error with a sentence, never a crash. */
#include <math.h>
#include <stdio.h>
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
  CHECK_RESULT(atollRecvAny(&value, 1, atollFloat32, NULL, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollRecvAnyAsync(&value, 1, atollFloat32, NULL, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollAllToAll(&value, &value, 1, atollFloat32, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllToAllV(&value, &value, &number, &number, 1, atollFloat32, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllGatherV(&value, &value, &number, 1, atollFloat32, NULL, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollScatterV(&value, &value, &number, 1, atollFloat32, 1, NULL, NULL, NULL),
               atollInvalidArgument);
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

/* ---- tensors of a batch that share memory ---------------------------------------------------- */

static void expect_overlap(atollComm_t comm, const atollTensor_t* tensors, uint32_t count,
                           const char* one, const char* other) {
  atollRequest_t request = NULL;
  CHECK_RESULT(atollAllReduceBatch(tensors, count, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  if (strstr(atollGetLastError(), one) == NULL || strstr(atollGetLastError(), other) == NULL) {
    fprintf(stderr, "\"%s\" does not name %s and %s\n", atollGetLastError(), one, other);
    ++check_failures;
  }
  CHECK_RESULT(atollAllReduceBatchAsync(tensors, count, atollFloat32, atollSum, comm, NULL,
                                        &request),
               atollInvalidArgument);
  CHECK(request == NULL);
}

/* `count` values of type float from here on. */
static int share(const void* a, uint64_t a_count, const void* b, uint64_t b_count) {
  const float* one = (const float*)a;
  const float* other = (const float*)b;
  return a_count > 0 && b_count > 0 && one < other + b_count && other < one + a_count;
}

/* As atoll.h says it, pair by pair. */
static int may_be_a_batch(const atollTensor_t* tensors, uint32_t count) {
  uint32_t i, j;
  for (i = 0; i < count; ++i) {
    const atollTensor_t* one = &tensors[i];
    if (one->sendbuff != one->recvbuff &&
        share(one->sendbuff, one->count, one->recvbuff, one->count)) {
      return 0;
    }
    for (j = 0; j < count; ++j) {
      const atollTensor_t* other = &tensors[j];
      if (i == j) continue;
      if (share(one->recvbuff, one->count, other->recvbuff, other->count)) return 0;
      if (share(one->recvbuff, one->count, other->sendbuff, other->count)) return 0;
    }
  }
  return 1;
}

/* All of few values, so that about half of the batches have tensors that share some. */
static void random_batches_are_judged_as_pair_by_pair(atollComm_t comm) {
  static float arena[120];
  uint64_t state = 1;
  uint32_t kept = 0;
  int round;
  for (round = 0; round < 3000; ++round) {
    atollTensor_t tensors[4];
    const uint32_t count = 2 + (uint32_t)(round % 3);
    uint32_t numbers[12];
    uint32_t i;
    atollResult_t expected;
    for (i = 0; i < 12; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      numbers[i] = (uint32_t)(state >> 40);
    }
    for (i = 0; i < count; ++i) {
      tensors[i].count = numbers[3 * i] % 11;
      tensors[i].recvbuff = arena + numbers[3 * i + 1] % 110;
      tensors[i].sendbuff = numbers[3 * i + 2] % 3 == 0 ? tensors[i].recvbuff
                                                        : arena + numbers[3 * i + 2] % 110;
    }
    expected = may_be_a_batch(tensors, count) ? atollSuccess : atollInvalidArgument;
    if (expected == atollSuccess) ++kept;
    CHECK_RESULT(atollAllReduceBatch(tensors, count, atollFloat32, atollSum, comm, NULL, NULL),
                 expected);
  }
  CHECK(kept > 500 && kept < 2500); /* both happen often */
}

static void tensors_of_a_batch_that_share_what_is_written_are_refused(void) {
  static float many[65536];
  static atollTensor_t batch[65536];
  LocalRun run = local_run_start(1);
  atollComm_t comm = local_run_join_alone(&run);
  float a[4] = {1, 2, 3, 4}, b[4] = {5, 6, 7, 8}, c[4] = {0};
  const atollTensor_t same_sink[] = {{a, c, 2}, {NULL, NULL, 0}, {b, c, 4}};
  const atollTensor_t part_of_a_sink[] = {{a, a, 4}, {b, b, 4}, {c, b + 3, 1}};
  const atollTensor_t source_of_another[] = {{a, c, 4}, {c + 2, b, 2}};
  const atollTensor_t source_of_one_before[] = {{a, b, 4}, {c, c, 4}, {b, a + 3, 1}};
  const atollTensor_t source_in_place[] = {{a, a, 4}, {a, b, 4}};
  const atollTensor_t same_source[] = {{a, b, 4}, {a + 1, c, 3}, {a, NULL, 0}};
  const atollTensor_t neighbours[] = {{a, a, 2}, {a + 2, a + 2, 2}, {b, b + 2, 2}};
  uint32_t i;
  expect_overlap(comm, same_sink, 3, "recvbuff of tensor 0", "recvbuff of tensor 2");
  expect_overlap(comm, part_of_a_sink, 3, "recvbuff of tensor 1", "recvbuff of tensor 2");
  expect_overlap(comm, source_of_another, 2, "recvbuff of tensor 0", "sendbuff of tensor 1");
  expect_overlap(comm, source_of_one_before, 3, "sendbuff of tensor 0", "recvbuff of tensor 2");
  expect_overlap(comm, source_in_place, 2, "recvbuff of tensor 0", "sendbuff of tensor 1");
  for (i = 0; i < 65536; ++i) { /* and the last of all are the first two */
    batch[i].count = 1;
    batch[i].sendbuff = batch[i].recvbuff = &many[65535 - i];
  }
  batch[40000].sendbuff = batch[40000].recvbuff = &many[65535 - 3];
  expect_overlap(comm, batch, 65536, "recvbuff of tensor 3", "recvbuff of tensor 40000");
  CHECK(a[0] == 1 && a[3] == 4 && b[0] == 5 && b[3] == 8 && c[0] == 0);
  /* What may be shared, by the first call of which anybody hears. */
  CHECK_OK(atollAllReduceBatch(same_source, 3, atollFloat32, atollSum, comm, NULL, NULL));
  CHECK(b[0] == 1 && b[3] == 4 && c[0] == 2 && c[2] == 4);
  CHECK_OK(atollAllReduceBatch(neighbours, 3, atollFloat32, atollSum, comm, NULL, NULL));
  random_batches_are_judged_as_pair_by_pair(comm);
  CHECK_OK(atollCommDestroy(comm));
  local_run_stop(&run);
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
  tensors_of_a_batch_that_share_what_is_written_are_refused();
  return check_status();
}
