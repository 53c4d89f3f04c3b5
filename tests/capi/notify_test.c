/* What a binding to another language needs beyond the async calls: to be told of the end of one, to
 * work on a call before it waits for it, to say what the elements are. One thread plays both. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

static LocalRun run;
static atollComm_t comms[2];
static float values[2][4];

static atollRequest_t start(int i, const atollOpOptions_t* options) {
  atollRequest_t request = NULL;
  CHECK_OK(atollAllReduceAsync(values[i], values[i], 4, atollFloat32, atollSum, comms[i], options,
                               &request));
  return request;
}

static void count(void* user) { __atomic_add_fetch((int*)user, 1, __ATOMIC_SEQ_CST); }

static int counted(int* number) { return __atomic_load_n(number, __ATOMIC_SEQ_CST); }

static void connect_both(void) {
  atollRequest_t requests[2];
  int i;
  for (i = 0; i < 2; ++i) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = run.address;
    config.name = i == 0 ? "first" : "second";
    CHECK_OK(atollCommCreate(&comms[i], &config));
    CHECK_OK(atollCommConnect(comms[i]));
  }
  for (i = 0; i < 2; ++i) CHECK_OK(atollUpdateAsync(comms[i], NULL, &requests[i]));
  for (i = 0; i < 2; ++i) CHECK_OK(atollWait(requests[i], NULL));
}

/* The end is told once, by whichever thread finds it; also of a call that has ended already. */
static void the_end_is_told_once(void) {
  int ended = 0;
  atollRequest_t requests[2];
  requests[0] = start(0, NULL);
  CHECK_OK(atollNotify(requests[0], count, &ended));
  CHECK_RESULT(atollNotify(requests[0], count, &ended), atollInvalidUsage);
  CHECK_RESULT(atollWaitFor(requests[0], 20, NULL), atollInProgress);
  CHECK_EQUAL(counted(&ended), 0);
  requests[1] = start(1, NULL);
  while (counted(&ended) == 0) continue;
  CHECK_OK(atollWait(requests[0], NULL));
  CHECK_OK(atollWait(requests[1], NULL));
  CHECK_EQUAL(counted(&ended), 1);
}

static void one_that_has_ended_is_told_at_once(void) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  atollRequest_t requests[2];
  int ended = 0;
  options.flags = ATOLL_WAITS_SOON;
  requests[0] = start(0, NULL);
  requests[1] = start(1, &options);
  CHECK_OK(atollNotify(requests[0], count, &ended));
  CHECK_OK(atollWait(requests[1], NULL));
  CHECK_OK(atollWait(requests[0], NULL));
  while (counted(&ended) == 0) continue;
  CHECK_EQUAL(counted(&ended), 1);
  CHECK_RESULT(atollNotify(NULL, count, &ended), atollInvalidArgument);
}

/* Whoever waits soon does its part itself, and is not kept when others let it wait. */
static void who_waits_soon_works_for_a_moment(void) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  int round;
  options.flags = ATOLL_WAITS_SOON;
  for (round = 0; round < 3; ++round) {
    atollRequest_t requests[2];
    values[0][0] = 1.0f;
    values[1][0] = 2.0f;
    requests[0] = start(0, &options); /* returns, although the other has not called */
    CHECK_RESULT(atollWaitFor(requests[0], 0, NULL), atollInProgress);
    requests[1] = start(1, &options);
    CHECK_OK(atollWait(requests[0], NULL));
    CHECK_OK(atollWait(requests[1], NULL));
    CHECK(values[0][0] == 3.0f && values[1][0] == 3.0f);
  }
  options.flags = 4;
  CHECK_RESULT(atollAllReduce(values[0], values[0], 4, atollFloat32, atollSum, comms[0], &options,
                              NULL),
               atollInvalidArgument);
}

static void another_layout_is_a_mismatch(void) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  atollRequest_t requests[2];
  int i;
  options.layout = 21;
  for (i = 0; i < 2; ++i) requests[i] = start(i, &options);
  for (i = 0; i < 2; ++i) CHECK_OK(atollWait(requests[i], NULL));
  for (i = 0; i < 2; ++i) {
    options.layout = i == 0 ? 21 : 12;
    requests[i] = start(i, &options);
  }
  for (i = 0; i < 2; ++i) {
    CHECK_RESULT(atollWait(requests[i], NULL), atollMismatch);
    CHECK(strstr(atollGetLastError(), "layout") != NULL);
  }
}

int main(void) {
  int i;
  run = local_run_start(2);
  connect_both();
  the_end_is_told_once();
  one_that_has_ended_is_told_at_once();
  who_waits_soon_works_for_a_moment();
  another_layout_is_a_mismatch();
  for (i = 0; i < 2; ++i) CHECK_OK(atollCommDestroy(comms[i]));
  local_run_stop(&run);
  return check_status();
}
