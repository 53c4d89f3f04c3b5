/* Shared state: the rules of publishing, and the sync of a world of one. */
#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

static void publishing_follows_its_rules(void) {
  float weights[3] = {1, 2, 3};
  int64_t steps[1] = {4};
  atollState_t state = NULL;
  uint64_t revision = 77;
  CHECK_OK(atollStateCreate(&state));
  CHECK_OK(atollStateGetRevision(state, &revision));
  CHECK_EQUAL(revision, 0);
  CHECK_OK(atollStateAddTensor(state, "weights", weights, atollFloat32, 3));
  CHECK_RESULT(atollStateAddTensor(state, "weights", steps, atollInt64, 1), atollInvalidArgument);
  CHECK_RESULT(atollStateAddTensor(state, NULL, steps, atollInt64, 1), atollInvalidArgument);
  CHECK_RESULT(atollStateAddTensor(state, "steps", NULL, atollInt64, 1), atollInvalidArgument);
  CHECK_RESULT(atollStateAddTensor(state, "steps", steps, (atollDataType_t)40, 1),
               atollInvalidArgument);
  CHECK_OK(atollStateAddTensor(state, "steps", steps, atollInt64, 1));
  CHECK_OK(atollStatePublish(state, 5));
  CHECK_OK(atollStateGetRevision(state, &revision));
  CHECK_EQUAL(revision, 5);
  CHECK_RESULT(atollStateAddTensor(state, "late", steps, atollInt64, 1), atollInvalidUsage);
  CHECK_OK(atollStateBeginWrite(state));
  CHECK_RESULT(atollStatePublish(state, 5), atollInvalidArgument);
  CHECK_RESULT(atollStatePublish(state, 4), atollInvalidArgument);
  CHECK_OK(atollStatePublish(state, 6));
  CHECK_OK(atollStateDestroy(state));
}

static void a_sync_alone_keeps_the_content(void) {
  LocalRun run = local_run_start(1);
  atollComm_t comm = local_run_join_alone(&run);
  float weights[3] = {1.5f, -2.5f, 3.5f};
  atollState_t state = NULL;
  atollSyncInfo_t first = ATOLL_SYNC_INFO_INITIALIZER, second = ATOLL_SYNC_INFO_INITIALIZER;
  CHECK_OK(atollStateCreate(&state));
  CHECK_OK(atollStateAddTensor(state, "weights", weights, atollFloat32, 3));
  CHECK_OK(atollStatePublish(state, 1));
  CHECK_OK(atollSyncState(comm, state, NULL, &first));
  CHECK_EQUAL(first.revision, 1);
  CHECK_EQUAL(first.bytes_received, 0);
  CHECK_EQUAL(first.tensors_received, 0);
  CHECK(first.digest_high != 0 || first.digest_low != 0);
  CHECK(weights[0] == 1.5f && weights[1] == -2.5f && weights[2] == 3.5f);
  CHECK_OK(atollStateBeginWrite(state));
  weights[1] = 8.25f;
  CHECK_OK(atollStatePublish(state, 2));
  CHECK_OK(atollSyncState(comm, state, NULL, &second));
  CHECK_EQUAL(second.revision, 2);
  CHECK(second.digest_high != first.digest_high || second.digest_low != first.digest_low);
  CHECK_RESULT(atollSyncState(comm, NULL, NULL, NULL), atollInvalidArgument);
  CHECK_OK(atollStateDestroy(state));
  CHECK_OK(atollCommDestroy(comm));
  local_run_stop(&run);
}

int main(void) {
  publishing_follows_its_rules();
  a_sync_alone_keeps_the_content();
  return check_status();
}
