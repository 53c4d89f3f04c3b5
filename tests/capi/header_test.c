/* The header alone: pinned numbers, initializers, version and error strings. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"

static const atollResult_t kResults[] = {
    atollSuccess,        atollInProgress,      atollInvalidArgument,
    atollInvalidUsage,   atollMismatch,        atollUnsupported,
    atollDuplicatePeer,  atollVersionMismatch, atollStateConflict,
    atollOtherInstance,  atollSteppedDown,
    atollPeerLost,       atollAborted,         atollTimeout,
    atollCancelled,      atollRootLost,        atollCoordinatorUnreachable,
    atollOutcomeUnknown, atollEvicted,         atollNotConnected,
    atollOutOfMemory,    atollSystemError,     atollInternalError};
static const int kNumbers[] = {0,   1,   100, 101, 102, 103, 104, 105, 106, 107, 108, 200, 201,
                               202, 203, 204, 300, 301, 302, 303, 400, 401, 500};
enum { kResultCount = sizeof(kResults) / sizeof(kResults[0]) };

static void numbers_are_pinned(void) {
  int i;
  CHECK_EQUAL(sizeof(kNumbers) / sizeof(kNumbers[0]), kResultCount);
  for (i = 0; i < kResultCount; ++i) CHECK_EQUAL(kResults[i], kNumbers[i]);
  CHECK_EQUAL(atollFloat32, 10);
  CHECK_EQUAL(atollFloat64, 11);
  CHECK_EQUAL(atollMax, 4);
  CHECK_EQUAL(atollBitAnd, 5);
  CHECK_EQUAL(atollBitXor, 7);
}

static void every_result_has_its_own_text(void) {
  int i, j;
  for (i = 0; i < kResultCount; ++i) {
    const char* text = atollGetErrorString(kResults[i]);
    CHECK(text != NULL && strlen(text) > 3);
    for (j = 0; j < i; ++j) CHECK(strcmp(text, atollGetErrorString(kResults[j])) != 0);
  }
  CHECK(atollGetErrorString((atollResult_t)9999) != NULL);
  CHECK(strlen(atollGetErrorString((atollResult_t)9999)) > 3);
}

static void versions_agree(void) {
  int version = 0;
  CHECK_OK(atollGetVersion(&version));
  CHECK_EQUAL(version, ATOLL_VERSION);
  CHECK_RESULT(atollGetVersion(NULL), atollInvalidArgument);
}

static void initializers_fill_in_the_size_and_the_defaults(void) {
  atollCommConfig_t comm = ATOLL_COMM_CONFIG_INITIALIZER;
  atollCoordinatorConfig_t coordinator = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  atollOpOptions_t op = ATOLL_OP_OPTIONS_INITIALIZER;
  atollOpInfo_t op_info = ATOLL_OP_INFO_INITIALIZER;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollSyncOptions_t sync = ATOLL_SYNC_OPTIONS_INITIALIZER;
  atollSyncInfo_t sync_info = ATOLL_SYNC_INFO_INITIALIZER;
  atollDilocoConfig_t diloco = ATOLL_DILOCO_CONFIG_INITIALIZER;
  atollDilocoInfo_t diloco_info = ATOLL_DILOCO_INFO_INITIALIZER;
  CHECK_EQUAL(comm.size, sizeof(comm));
  CHECK_EQUAL(comm.shard_count, 1);
  CHECK_EQUAL(comm.connect_timeout_ms, 10000);
  CHECK_EQUAL(comm.arrival_timeout_ms, 600000);
  CHECK_EQUAL(comm.progress_timeout_ms, 30000);
  CHECK_EQUAL(comm.outcome_grace_ms, 10000);
  CHECK_EQUAL(comm.coordinator_timeout_ms, 30000);
  CHECK(comm.trace_user == NULL);
  CHECK(comm.input_backup_bytes == (uint64_t)1 << 30);
  CHECK_EQUAL(comm.input_backup_limit_bytes, 0);
  CHECK_EQUAL(coordinator.size, sizeof(coordinator));
  CHECK_EQUAL(coordinator.heartbeat_ms, 500);
  CHECK_EQUAL(coordinator.peer_timeout_ms, 5000);
  CHECK_EQUAL(op.size, sizeof(op));
  CHECK(op.weight == 1.0);
  CHECK_EQUAL(op.flags, 0);
  CHECK(op_info.ranges == NULL && op_info.range_capacity == 0);
  CHECK_EQUAL(op_info.size, sizeof(op_info));
  CHECK_EQUAL(view.size, sizeof(view));
  CHECK_EQUAL(sync.size, sizeof(sync));
  CHECK_EQUAL(sync_info.size, sizeof(sync_info));
  CHECK_EQUAL(diloco.size, sizeof(diloco));
  CHECK(diloco.learning_rate == 0.7f && diloco.momentum == 0.9f && diloco.nesterov == 1);
  CHECK_EQUAL(diloco_info.size, sizeof(diloco_info));
}

int main(void) {
  numbers_are_pinned();
  every_result_has_its_own_text();
  versions_agree();
  initializers_fill_in_the_size_and_the_defaults();
  return check_status();
}
