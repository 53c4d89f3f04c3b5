/* Every struct of atoll.h that has a size, as a program passes it that was compiled with another
 * header: one rule for all of them. argv[1]: atoll.h, to see that none is left out here. */
#include <stdlib.h>
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kNewerBytes = 40 /* of fields that only a newer header has */ };

static LocalRun run;
static atollComm_t member;  /* the only one */
static atollComm_t pending; /* not yet let in */
static atollState_t state;
static atollDiloco_t diloco;
static float value = 1;

/* ---- one call for each struct ---------------------------------------------------------------- */

static atollResult_t create_comm(void* config) {
  atollComm_t comm = NULL;
  const atollResult_t result = atollCommCreate(&comm, (atollCommConfig_t*)config);
  CHECK((comm != NULL) == (result == atollSuccess));
  CHECK_OK(atollCommDestroy(comm));
  return result;
}

static atollResult_t create_coordinator(void* config) {
  atollCoordinator_t coordinator = NULL;
  const atollResult_t result =
      atollCoordinatorCreate(&coordinator, (atollCoordinatorConfig_t*)config);
  CHECK((coordinator != NULL) == (result == atollSuccess));
  CHECK_OK(atollCoordinatorDestroy(coordinator));
  return result;
}

static atollResult_t update(void* view) { return atollUpdate(member, (atollView_t*)view); }

static atollResult_t get_view(void* view) { return atollGetView(member, (atollView_t*)view); }

static atollResult_t reduce_with(void* options) {
  return atollAllReduce(&value, &value, 1, atollFloat32, atollSum, member,
                        (atollOpOptions_t*)options, NULL);
}

static atollResult_t meet_with(void* options) {
  return atollBarrier(member, (atollOpOptions_t*)options);
}

static atollResult_t optimize_with(void* options) {
  return atollOptimizeTopology(member, (atollOpOptions_t*)options);
}

static atollResult_t reduce_and_tell(void* info) {
  return atollAllReduce(&value, &value, 1, atollFloat32, atollSum, member, NULL,
                        (atollOpInfo_t*)info);
}

/* A refused info does not end the request. */
static atollResult_t end_by(atollResult_t (*end)(atollRequest_t, atollOpInfo_t*), void* info) {
  atollRequest_t request = NULL;
  atollResult_t result;
  CHECK_OK(atollAllReduceAsync(&value, &value, 1, atollFloat32, atollSum, member, NULL, &request));
  do {
    result = end(request, (atollOpInfo_t*)info);
  } while (result == atollInProgress);
  if (result != atollSuccess) CHECK_OK(atollWait(request, NULL));
  return result;
}

static atollResult_t wait_and_tell(void* info) { return end_by(atollWait, info); }

static atollResult_t test_and_tell(void* info) { return end_by(atollTest, info); }

static atollResult_t follow_with(void* options) {
  return atollFollowState(pending, state, (atollFollowOptions_t*)options);
}

static atollResult_t sync_with(void* options) {
  return atollSyncState(member, state, (atollSyncOptions_t*)options, NULL);
}

static atollResult_t sync_and_tell(void* info) {
  return atollSyncState(member, state, NULL, (atollSyncInfo_t*)info);
}

static atollResult_t sync_diloco_and_tell(void* info) {
  return atollDilocoSync(diloco, member, &value, (atollSyncInfo_t*)info);
}

static atollResult_t create_diloco(void* config) {
  atollDiloco_t made = NULL;
  const atollResult_t result = atollDilocoCreate(&made, &value, 1, (atollDilocoConfig_t*)config);
  CHECK((made != NULL) == (result == atollSuccess));
  CHECK_OK(atollDilocoDestroy(made));
  return result;
}

/* Refused, it has taken no step. */
static atollResult_t step_and_tell(void* info) {
  uint64_t before = 0, after = 0;
  atollResult_t result;
  CHECK_OK(atollDilocoGetOuter(diloco, NULL, &before));
  result = atollDilocoStep(diloco, member, &value, (atollDilocoInfo_t*)info);
  CHECK_OK(atollDilocoGetOuter(diloco, NULL, &after));
  CHECK_EQUAL(after, before + (result == atollSuccess));
  return result;
}

/* ---- the rule -------------------------------------------------------------------------------- */

typedef struct {
  const char* type;
  const char* argument; /* as sentences call it */
  const void* initial;
  size_t size;
  atollResult_t (*use)(void*);
} Case;

static size_t size_of(const void* bytes) {
  size_t size;
  memcpy(&size, bytes, sizeof(size));
  return size;
}

static void set_size(void* bytes, size_t size) { memcpy(bytes, &size, sizeof(size)); }

static void check_refused(const Case* one, void* bytes, atollResult_t expected) {
  const int before = check_failures;
  CHECK_RESULT(one->use(bytes), expected);
  CHECK(strstr(atollGetLastError(), one->argument) != NULL);
  if (check_failures > before) fprintf(stderr, "... of %s\n", one->type);
}

static void keeps_the_rule(const Case* one) {
  const size_t longer = one->size + kNewerBytes;
  unsigned char* bytes = (unsigned char*)calloc(1, longer);
  const int before = check_failures;
  size_t at;
  if (bytes == NULL) exit(1);
  /* Longer, and asks for nothing new. */
  memcpy(bytes, one->initial, one->size);
  set_size(bytes, longer);
  CHECK_OK(one->use(bytes));
  CHECK_EQUAL(size_of(bytes), longer);
  for (at = one->size; at < longer; ++at) CHECK(bytes[at] == 0);
  /* As it is; and it may be used again. */
  set_size(bytes, one->size);
  bytes[one->size] = 1; /* not part of it */
  CHECK_OK(one->use(bytes));
  if (check_failures > before) fprintf(stderr, "... of %s\n", one->type);
  /* Longer, and asks for something: by the first byte, and by the last. */
  set_size(bytes, longer);
  check_refused(one, bytes, atollUnsupported);
  bytes[one->size] = 0;
  bytes[longer - 1] = 1;
  check_refused(one, bytes, atollUnsupported);
  /* Never set up, and beyond all reason: nothing behind it is read. */
  set_size(bytes, 0);
  check_refused(one, bytes, atollInvalidArgument);
  set_size(bytes, sizeof(size_t) - 1);
  check_refused(one, bytes, atollInvalidArgument);
  set_size(bytes, 65537);
  check_refused(one, bytes, atollInvalidArgument);
  free(bytes);
}

static void every_struct_keeps_the_rule(void) {
  atollCommConfig_t comm = ATOLL_COMM_CONFIG_INITIALIZER;
  const atollCoordinatorConfig_t coordinator = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  const atollView_t view = ATOLL_VIEW_INITIALIZER;
  const atollOpOptions_t op = ATOLL_OP_OPTIONS_INITIALIZER;
  const atollOpInfo_t op_info = ATOLL_OP_INFO_INITIALIZER;
  const atollSyncOptions_t sync = ATOLL_SYNC_OPTIONS_INITIALIZER;
  const atollSyncInfo_t sync_info = ATOLL_SYNC_INFO_INITIALIZER;
  const atollFollowOptions_t follow = ATOLL_FOLLOW_OPTIONS_INITIALIZER;
  const atollDilocoConfig_t config = ATOLL_DILOCO_CONFIG_INITIALIZER;
  const atollDilocoInfo_t info = ATOLL_DILOCO_INFO_INITIALIZER;
  const Case cases[] = {
      {"atollCommConfig_t", "config", &comm, sizeof(comm), create_comm},
      {"atollCoordinatorConfig_t", "config", &coordinator, sizeof(coordinator),
       create_coordinator},
      {"atollView_t", "view", &view, sizeof(view), update},
      {"atollView_t", "view", &view, sizeof(view), get_view},
      {"atollOpOptions_t", "options", &op, sizeof(op), reduce_with},
      {"atollOpOptions_t", "options", &op, sizeof(op), meet_with},
      {"atollOpOptions_t", "options", &op, sizeof(op), optimize_with},
      {"atollOpInfo_t", "info", &op_info, sizeof(op_info), reduce_and_tell},
      {"atollOpInfo_t", "info", &op_info, sizeof(op_info), wait_and_tell},
      {"atollOpInfo_t", "info", &op_info, sizeof(op_info), test_and_tell},
      {"atollFollowOptions_t", "options", &follow, sizeof(follow), follow_with},
      {"atollSyncOptions_t", "options", &sync, sizeof(sync), sync_with},
      {"atollSyncInfo_t", "info", &sync_info, sizeof(sync_info), sync_and_tell},
      {"atollSyncInfo_t", "info", &sync_info, sizeof(sync_info), sync_diloco_and_tell},
      {"atollDilocoConfig_t", "config", &config, sizeof(config), create_diloco},
      {"atollDilocoInfo_t", "info", &info, sizeof(info), step_and_tell},
  };
  size_t i;
  comm.coordinator = run.address;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) keeps_the_rule(&cases[i]);
}

/* ---- none is left out ------------------------------------------------------------------------ */

static void the_header_has_no_other_sized_struct(const char* path) {
  static const char* const kNames[] = {
      "} atollCommConfig_t;",  "} atollCoordinatorConfig_t;", "} atollView_t;",
      "} atollOpOptions_t;",   "} atollOpInfo_t;",            "} atollSyncOptions_t;",
      "} atollSyncInfo_t;",    "} atollFollowOptions_t;",     "} atollDilocoConfig_t;",
      "} atollDilocoInfo_t;"};
  const size_t known = sizeof(kNames) / sizeof(kNames[0]);
  char line[512];
  size_t sized = 0, named = 0, i;
  FILE* header = fopen(path, "r");
  CHECK(header != NULL);
  if (header == NULL) return;
  while (fgets(line, sizeof(line), header) != NULL) {
    if (strstr(line, "  size_t size;") == line) ++sized;
    for (i = 0; i < known; ++i) named += strncmp(line, kNames[i], strlen(kNames[i])) == 0;
  }
  fclose(header);
  CHECK_EQUAL(named, known);
  CHECK_EQUAL(sized, known); /* another one: to be added here */
}

int main(int argc, char** argv) {
  CHECK_EQUAL(argc, 2);
  if (argc == 2) the_header_has_no_other_sized_struct(argv[1]);
  run = local_run_start(1);
  member = local_run_join_alone(&run);
  pending = local_run_connect(&run, "pending");
  CHECK_OK(atollStateCreate(&state));
  CHECK_OK(atollStateAddTensor(state, "w", &value, atollFloat32, 1));
  CHECK_OK(atollDilocoCreate(&diloco, &value, 1, NULL));
  every_struct_keeps_the_rule();
  CHECK_OK(atollCommDestroy(pending));
  CHECK_OK(atollCommDestroy(member));
  CHECK_OK(atollDilocoDestroy(diloco));
  CHECK_OK(atollStateDestroy(state));
  local_run_stop(&run);
  return check_status();
}
