/* The asynchronous forms of calls that are no collectives of buffers: one thread plays two members,
 * so nothing here may wait inside. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 5000 };

static LocalRun run;
static atollComm_t comms[2];
static atollRequest_t requests[2];
static float values[2][kCount];

static void wait_for_both(atollResult_t expected) {
  int i;
  for (i = 0; i < 2; ++i) CHECK_RESULT(atollWait(requests[i], NULL), expected);
}

static atollComm_t create(const char* address, const char* name) {
  atollComm_t comm = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = address;
  config.name = name;
  CHECK_OK(atollCommCreate(&comm, &config));
  return comm;
}

static void connect_both(void) {
  int i;
  for (i = 0; i < 2; ++i) {
    comms[i] = create(run.address, i == 0 ? "first" : "second");
    CHECK_OK(atollCommConnectAsync(comms[i], &requests[i]));
  }
  wait_for_both(atollSuccess);
  CHECK_OK(atollCommConnectAsync(comms[0], &requests[0]));
  CHECK_RESULT(atollWait(requests[0], NULL), atollInvalidUsage);
  CHECK(strstr(atollGetLastError(), "is connected") != NULL);
}

static void update_both(void) {
  atollView_t views[2] = {ATOLL_VIEW_INITIALIZER, ATOLL_VIEW_INITIALIZER};
  int i;
  for (i = 0; i < 2; ++i) CHECK_OK(atollUpdateAsync(comms[i], &views[i], &requests[i]));
  wait_for_both(atollSuccess);
  for (i = 0; i < 2; ++i) {
    CHECK_EQUAL(views[i].world, 2);
    CHECK_EQUAL(views[i].joined, 2);
  }
}

static void one_that_waits_for_so_long_keeps_its_request(void) {
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  int i;
  values[0][0] = 1.0f;
  values[1][0] = 2.0f;
  CHECK_OK(atollAllReduceAsync(values[0], values[0], 1, atollFloat32, atollSum, comms[0], NULL,
                               &requests[0]));
  for (i = 0; i < 3; ++i) CHECK_RESULT(atollWaitFor(requests[0], 20, &info), atollInProgress);
  CHECK_RESULT(atollWaitFor(requests[0], 0, &info), atollInProgress);
  CHECK_OK(atollAllReduceAsync(values[1], values[1], 1, atollFloat32, atollSum, comms[1], NULL,
                               &requests[1]));
  for (i = 0; i < 2; ++i) CHECK_OK(atollWaitFor(requests[i], 60000, &info));
  CHECK_EQUAL(info.contributors, 2);
  CHECK(values[0][0] == 3.0f && values[1][0] == 3.0f);
  CHECK_RESULT(atollWaitFor(NULL, 0, &info), atollInvalidArgument);
}

static void sync_both(void) {
  atollSyncInfo_t infos[2] = {ATOLL_SYNC_INFO_INITIALIZER, ATOLL_SYNC_INFO_INITIALIZER};
  atollState_t states[2];
  uint64_t revision = 7;
  int i, k;
  for (i = 0; i < 2; ++i) {
    for (k = 0; k < kCount; ++k) values[i][k] = (float)(i * k);
    CHECK_OK(atollStateCreate(&states[i]));
    CHECK_OK(atollStateAddTensor(states[i], "values", values[i], atollFloat32, kCount));
  }
  CHECK_OK(atollStatePublish(states[1], 5));
  CHECK_OK(atollSyncStateAsync(comms[0], states[0], NULL, &infos[0], &requests[0]));
  CHECK_RESULT(atollStateBeginWrite(states[0]), atollInvalidUsage);
  CHECK(strstr(atollGetLastError(), "was not waited for") != NULL);
  CHECK_RESULT(atollStateGetRevision(states[0], &revision), atollInvalidUsage);
  CHECK_RESULT(atollSyncState(comms[0], states[0], NULL, NULL), atollInvalidUsage);
  CHECK_OK(atollSyncStateAsync(comms[1], states[1], NULL, &infos[1], &requests[1]));
  wait_for_both(atollSuccess);
  for (i = 0; i < 2; ++i) {
    CHECK_OK(atollStateGetRevision(states[i], &revision));
    CHECK_EQUAL(revision, 5);
    CHECK_EQUAL(infos[i].revision, 5);
    CHECK_EQUAL(infos[i].tensors_received, i == 0 ? 1 : 0);
    CHECK(values[i][kCount - 1] == (float)(kCount - 1));
    CHECK_OK(atollStateDestroy(states[i]));
  }
}

/* Against the formula of atoll.h: the first step, from parameters of zeros. */
static void step_both(void) {
  atollDilocoInfo_t infos[2] = {ATOLL_DILOCO_INFO_INITIALIZER, ATOLL_DILOCO_INFO_INITIALIZER};
  atollDiloco_t diloco[2];
  const float zeros[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  float local[2][4] = {{1.0f, 2.0f, -4.0f, 0.0f}, {3.0f, -2.0f, -8.0f, 1.0f}};
  int i, k;
  for (i = 0; i < 2; ++i) CHECK_OK(atollDilocoCreate(&diloco[i], zeros, 4, NULL));
  for (i = 0; i < 2; ++i) {
    float start[4] = {9.0f, 9.0f, 9.0f, 9.0f};
    CHECK_OK(atollDilocoSyncAsync(diloco[i], comms[i], start, NULL, &requests[i]));
    CHECK_OK(i == 0 ? atollSuccess : atollWait(requests[0], NULL));
    if (i == 1) CHECK_OK(atollWait(requests[1], NULL));
  }
  CHECK_OK(atollDilocoStepAsync(diloco[0], comms[0], local[0], &infos[0], &requests[0]));
  CHECK_RESULT(atollDilocoStep(diloco[0], comms[0], local[0], NULL), atollInvalidUsage);
  CHECK_RESULT(atollDilocoGetOuter(diloco[0], local[0], NULL), atollInvalidUsage);
  CHECK_RESULT(atollWaitFor(requests[0], 1, NULL), atollInProgress);
  CHECK_OK(atollDilocoStepAsync(diloco[1], comms[1], local[1], &infos[1], &requests[1]));
  wait_for_both(atollSuccess);
  CHECK(memcmp(local[0], local[1], sizeof(local[0])) == 0);
  for (k = 0; k < 4; ++k) {
    const float delta[4] = {-2.0f, 0.0f, 6.0f, -0.5f};
    const float expected = -0.7f * (delta[k] + 0.9f * delta[k]);
    CHECK(local[0][k] - expected < 1e-5f && expected - local[0][k] < 1e-5f);
  }
  for (i = 0; i < 2; ++i) {
    CHECK_EQUAL(infos[i].contributors, 2);
    CHECK_EQUAL(infos[i].round, 1);
    CHECK_OK(atollDilocoDestroy(diloco[i]));
  }
}

/* The other one has not called, or nobody answers: only a cancel ends these soon. */
static void cancelled_ones_end(void) {
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollState_t state;
  int i;
  CHECK_OK(atollUpdateAsync(comms[0], &view, &requests[0]));
  CHECK_RESULT(atollWaitFor(requests[0], 10, NULL), atollInProgress);
  CHECK_OK(atollCancel(requests[0]));
  CHECK_RESULT(atollWait(requests[0], NULL), atollCancelled);
  for (i = 0; i < 2; ++i) CHECK_OK(atollUpdateAsync(comms[i], &view, &requests[i]));
  wait_for_both(atollSuccess);
  CHECK_EQUAL(view.world, 2);

  CHECK_OK(atollStateCreate(&state));
  CHECK_OK(atollStateAddTensor(state, "values", values[0], atollFloat32, kCount));
  CHECK_OK(atollSyncStateAsync(comms[0], state, NULL, NULL, &requests[0]));
  CHECK_OK(atollCancel(requests[0]));
  CHECK_RESULT(atollWait(requests[0], NULL), atollCancelled);
  CHECK_OK(atollStatePublish(state, 1));
  CHECK_OK(atollStateDestroy(state));

  for (i = 0; i < 2; ++i) {
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    options.tag = 99;
    CHECK_OK(atollOptimizeTopologyAsync(comms[i], &options, &requests[i]));
  }
  CHECK_OK(atollCancel(requests[1]));
  wait_for_both(atollCancelled);
}

/* One that listens and never says a word. */
static void connecting_is_cancelled(void) {
  atollCoordinator_t silent;
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  const char* address = NULL;
  atollComm_t comm;
  CHECK_OK(atollCoordinatorCreate(&silent, &config));
  CHECK_OK(atollCoordinatorGetAddress(silent, &address));
  comm = create(address, "third");
  CHECK_OK(atollCommConnectAsync(comm, &requests[0]));
  CHECK_RESULT(atollWaitFor(requests[0], 50, NULL), atollInProgress);
  CHECK_OK(atollCancel(requests[0]));
  CHECK_RESULT(atollWaitFor(requests[0], 5000, NULL), atollCancelled);
  CHECK_OK(atollCommDestroy(comm));
  CHECK_OK(atollCoordinatorDestroy(silent));
}

int main(void) {
  int i;
  run = local_run_start(2);
  connect_both();
  update_both();
  one_that_waits_for_so_long_keeps_its_request();
  sync_both();
  step_both();
  cancelled_ones_end();
  connecting_is_cancelled();
  for (i = 0; i < 2; ++i) CHECK_OK(atollCommDestroy(comms[i]));
  local_run_stop(&run);
  return check_status();
}
