/* What a peer sends is bounded. Arguments that would exceed a bound are refused by the call that
 * gave them, with a sentence that names argument and bound; the peers of the run stay members. */
#include <stdio.h>
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum {
  kNameBytes = 128,
  kEndpoints = 16,
  kTags = 65536,    /* with their groups, in one generation */
  kTensors = 65536, /* of a batch, and of a state */
  kTextBytes = 10001,
  kSentenceBytes = 2048
};

/* One of two members; `work` is what both do at the same time, each on its own thread. */
typedef struct {
  atollComm_t comm;
  uint32_t world;
  uint64_t root;
  uint64_t first_tag, last_tag;
  atollState_t state;
  const atollTensor_t* tensors;
  uint32_t tensor_count;
  atollResult_t result;
} Peer;

static void* update(void* argument) {
  Peer* peer = (Peer*)argument;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  peer->result = atollUpdate(peer->comm, &view);
  peer->world = view.world;
  return NULL;
}

static void* meet(void* argument) {
  Peer* peer = (Peer*)argument;
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  peer->result = atollSuccess;
  options.deadline_ms = 60000; /* if only one of them is refused */
  for (options.tag = peer->first_tag; options.tag <= peer->last_tag; ++options.tag) {
    peer->result = atollBarrier(peer->comm, &options);
    if (peer->result != atollSuccess) break;
  }
  return NULL;
}

static void* broadcast(void* argument) {
  Peer* peer = (Peer*)argument;
  float value = 1;
  peer->result = atollBroadcast(&value, &value, 1, atollFloat32, peer->root, peer->comm, NULL,
                                NULL);
  return NULL;
}

static void* sync_state(void* argument) {
  Peer* peer = (Peer*)argument;
  peer->result = atollSyncState(peer->comm, peer->state, NULL, NULL);
  return NULL;
}

static void* reduce_batch(void* argument) {
  Peer* peer = (Peer*)argument;
  peer->result = atollAllReduceBatch(peer->tensors, peer->tensor_count, atollInt32, atollSum,
                                     peer->comm, NULL, NULL);
  return NULL;
}

static void together(Peer peers[2], void* (*work)(void*), atollResult_t expected) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, &peers[1]) != 0) exit(1);
  work(&peers[0]);
  pthread_join(thread, NULL);
  CHECK_EQUAL(peers[0].result, expected);
  CHECK_EQUAL(peers[1].result, expected);
}

static void both_are_members(Peer peers[2]) {
  int i;
  together(peers, update, atollSuccess);
  for (i = 0; i < 2; ++i) {
    CHECK_EQUAL(peers[i].world, 2);
    peers[i].first_tag = peers[i].last_tag = 0;
  }
  together(peers, meet, atollSuccess);
}

/* The last error names the argument, and is not as long as what was given. */
static void check_sentence(const char* argument, const char* bound) {
  const char* sentence = atollGetLastError();
  if (strstr(sentence, argument) == NULL || strstr(sentence, bound) == NULL) {
    fprintf(stderr, "\"%s\" names no '%s' or no '%s'\n", sentence, argument, bound);
    ++check_failures;
  }
  CHECK(strlen(sentence) <= kSentenceBytes);
}

/* ---- names ---------------------------------------------------------------------------------- */

typedef struct {
  size_t bytes; /* 0: as it is */
  const char* text;
  const char* problem; /* null: none */
} Text;

static const Text kTexts[] = {
    {0, "island-3", NULL},
    {kNameBytes, NULL, NULL},
    {kNameBytes + 1, NULL, "has 129 bytes, at most 128"},
    {kTextBytes - 1, NULL, "has 10000 bytes, at most 128"},
    {0, "isl\xFF", "byte 3 begins"},
    {0, "isl\xC3", "byte 3 begins"},
    {0, "isl\nand", "byte 3 begins"},
    {0, "\x7F", "byte 0 begins"},
    /* A replica is made up of its first 64 bytes, which end within a character. */
    {0, "a\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
        "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
        "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
        "\xC3\xA9\xC3\xA9\xC3\xA9", NULL},
};

static const char* text_of(const Text* text, char* buffer) {
  if (text->bytes == 0) return text->text;
  memset(buffer, 'x', text->bytes);
  buffer[text->bytes] = '\0';
  return buffer;
}

/* What is accepted comes in beside a healthy member; so its coordinator has taken it, too. */
static void try_config(const LocalRun* run, const atollCommConfig_t* given, const char* argument,
                       const char* problem) {
  atollCommConfig_t config = *given;
  atollComm_t comm = NULL;
  config.coordinator = run->address;
  config.connect_timeout_ms = 20000;
  if (problem != NULL) {
    CHECK_RESULT(atollCommCreate(&comm, &config), atollInvalidArgument);
    check_sentence(argument, problem);
  } else {
    CHECK_OK(atollCommCreate(&comm, &config));
    CHECK_OK(atollCommConnect(comm));
  }
  CHECK_OK(atollCommDestroy(comm));
}

static void names_are_printable_and_bounded(const LocalRun* run) {
  char buffer[kTextBytes];
  size_t i;
  for (i = 0; i < sizeof(kTexts) / sizeof(kTexts[0]); ++i) {
    const char* text = text_of(&kTexts[i], buffer);
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.name = text;
    try_config(run, &config, "'name'", kTexts[i].problem);
    config.name = "of-a-replica";
    config.replica = text;
    try_config(run, &config, "'replica'", kTexts[i].problem);
    config.replica = NULL;
    config.run = text;
    if (kTexts[i].problem != NULL) try_config(run, &config, "'run'", kTexts[i].problem);
  }
}

static void run_ids_of_coordinators_are_printable_and_bounded(void) {
  char buffer[kTextBytes];
  size_t i;
  for (i = 0; i < sizeof(kTexts) / sizeof(kTexts[0]); ++i) {
    atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
    atollCoordinator_t coordinator = NULL;
    config.run = text_of(&kTexts[i], buffer);
    if (kTexts[i].problem == NULL) {
      CHECK_OK(atollCoordinatorCreate(&coordinator, &config));
    } else {
      CHECK_RESULT(atollCoordinatorCreate(&coordinator, &config), atollInvalidArgument);
      check_sentence("'run'", kTexts[i].problem);
    }
    CHECK_OK(atollCoordinatorDestroy(coordinator));
  }
}

static void addresses_are_printable_and_bounded(const LocalRun* run) {
  char long_host[kTextBytes];
  const char* const kWrong[][2] = {{"127.0.0.1,ho\nst", "printable"},
                                   {"ho\xFFst:7700", "printable"},
                                   {"[::1\x01]", "printable"},
                                   {"127.0.0.1,,::1", "empty"},
                                   {"h,h,h,h,h,h,h,h,h,h,h,h,h,h,h,h,h", "at most 16"},
                                   {long_host, "at most 255"}};
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  size_t i;
  memset(long_host, 'h', kTextBytes - 1);
  long_host[kTextBytes - 1] = '\0';
  config.name = "of-an-address";
  for (i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); ++i) {
    config.advertise = kWrong[i][0];
    try_config(run, &config, "'advertise'", kWrong[i][1]);
  }
  long_host[256] = '\0';
  try_config(run, &config, "'advertise'", "has 256 bytes, at most 255");
  long_host[255] = '\0';
  try_config(run, &config, "'advertise'", NULL);
  config.advertise = "h,h,h,h,h,h,h,h,h,h,h,h,h,h,h,h";
  try_config(run, &config, "'advertise'", NULL);
  config.advertise = NULL;
  config.bind = "ho\nst";
  try_config(run, &config, "'bind'", "printable");
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* What is asked for and never comes: after a moment others are told of the call, with its count. */
static void counts_are_bounded(Peer peers[2]) {
  static const uint64_t kWrong[] = {((uint64_t)1 << 44) + 1, ((uint64_t)1 << 56) + 1,
                                    (uint64_t)1 << 59, UINT64_MAX};
  uint8_t byte = 0;
  uint64_t other = 0;
  size_t i;
  CHECK_OK(atollGetAttribute(peers[1].comm, atollAttributePeer, &other));
  for (i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); ++i) {
    atollRequest_t request = NULL;
    atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
    const uint64_t count = kWrong[i];
    const atollTensor_t halves[2] = {{&byte, &byte, count / 2 + 1}, {&byte, &byte, count / 2 + 1}};
    atollComm_t comm = peers[0].comm;
    options.deadline_ms = 100;
    CHECK_RESULT(atollRecvAsync(&byte, count, atollUint8, other, comm, &options, &request),
                 atollInvalidArgument);
    if (request == NULL) check_sentence("'count'", "17592186044416");
    if (request != NULL) CHECK_RESULT(atollWait(request, NULL), atollInvalidArgument);
    CHECK_RESULT(atollAllReduce(&byte, &byte, count, atollUint8, atollSum, comm, &options, NULL),
                 atollInvalidArgument);
    check_sentence("'count'", "17592186044416");
    CHECK_RESULT(atollAllReduceBatch(halves, 2, atollUint8, atollSum, comm, &options, NULL),
                 atollInvalidArgument);
    CHECK_RESULT(atollAllGather(&byte, &byte, count / 2 + 1, atollUint8, comm, &options, NULL),
                 atollInvalidArgument);
    check_sentence("'count'", "8796093022208");
    CHECK_RESULT(atollBroadcast(&byte, &byte, count, atollUint8, other, comm, &options, NULL),
                 atollInvalidArgument);
  }
  both_are_members(peers);
}

/* The greatest count there is: the coordinator is told of the call, and it ends like any other. */
static void the_greatest_count_is_told_to_others(Peer peers[2]) {
  uint8_t byte = 0, sent = 1;
  uint64_t one = 0, other = 0;
  atollRequest_t request = NULL;
  CHECK_OK(atollGetAttribute(peers[0].comm, atollAttributePeer, &one));
  CHECK_OK(atollGetAttribute(peers[1].comm, atollAttributePeer, &other));
  CHECK_OK(atollSendAsync(&sent, 1, atollUint8, one, peers[1].comm, NULL, &request));
  CHECK_RESULT(atollRecv(&byte, (uint64_t)1 << 44, atollUint8, other, peers[0].comm, NULL, NULL),
               atollMismatch);
  CHECK_RESULT(atollWait(request, NULL), atollMismatch);
  both_are_members(peers);
}

static void reserved_tags_are_refused(Peer peers[2]) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  atollSyncOptions_t sync = ATOLL_SYNC_OPTIONS_INITIALIZER;
  atollFollowOptions_t follow = ATOLL_FOLLOW_OPTIONS_INITIALIZER;
  atollDilocoConfig_t config = ATOLL_DILOCO_CONFIG_INITIALIZER;
  atollDiloco_t diloco = NULL;
  atollState_t state = NULL;
  float value = 1;
  options.tag = sync.tag = follow.tag = config.tag = UINT64_MAX;
  CHECK_OK(atollStateCreate(&state));
  CHECK_RESULT(atollBarrier(peers[0].comm, &options), atollInvalidArgument);
  check_sentence("'options->tag'", "18446744073709551614");
  CHECK_RESULT(atollOptimizeTopology(peers[0].comm, &options), atollInvalidArgument);
  CHECK_RESULT(atollSyncState(peers[0].comm, state, &sync, NULL), atollInvalidArgument);
  check_sentence("'options->tag'", "18446744073709551614");
  CHECK_RESULT(atollFollowState(peers[0].comm, state, &follow), atollInvalidArgument);
  check_sentence("'options->tag'", "18446744073709551614");
  CHECK_RESULT(atollDilocoCreate(&diloco, &value, 1, &config), atollInvalidArgument);
  check_sentence("'config->tag'", "18446744073709551614");
  CHECK_OK(atollStateDestroy(state));
  both_are_members(peers);
}

static void tags_of_a_generation_are_bounded(Peer peers[2]) {
  int i;
  /* Tag 0 was used before, in a barrier and in a send. */
  for (i = 0; i < 2; ++i) peers[i].first_tag = 1, peers[i].last_tag = kTags - 2;
  together(peers, meet, atollSuccess);
  for (i = 0; i < 2; ++i) peers[i].first_tag = peers[i].last_tag = kTags;
  together(peers, meet, atollInvalidUsage);
  CHECK_RESULT((meet(&peers[0]), peers[0].result), atollInvalidUsage);
  check_sentence("65536 names", "call atollUpdate");
  for (i = 0; i < 2; ++i) peers[i].first_tag = peers[i].last_tag = UINT64_MAX - 1;
  together(peers, meet, atollInvalidUsage);
  both_are_members(peers); /* by an update, which begins anew: one refused call more on one peer */
  together(peers, meet, atollSuccess);
}

static void roots_that_are_no_members_lose_nobody(Peer peers[2]) {
  static const uint64_t kRoots[] = {0, 1, UINT64_MAX};
  size_t i;
  for (i = 0; i < sizeof(kRoots) / sizeof(kRoots[0]); ++i) {
    peers[0].root = peers[1].root = kRoots[i];
    together(peers, broadcast, atollRootLost);
    both_are_members(peers);
  }
}

/* Refused here, it is not a call that the other one would have to make. */
static void tensors_that_overlap_are_no_call(Peer peers[2]) {
  int32_t values[4] = {1, 2, 3, 4};
  const atollTensor_t tensors[2] = {{values, values, 3}, {values + 2, values + 2, 2}};
  peers[0].tensors = tensors;
  peers[0].tensor_count = 2;
  CHECK_RESULT((reduce_batch(&peers[0]), peers[0].result), atollInvalidArgument);
  check_sentence("recvbuff of tensor 0", "recvbuff of tensor 1");
  both_are_members(peers);
}

static void tensors_of_a_batch_are_bounded(Peer peers[2]) {
  const uint32_t given[3] = {kTensors, kTensors + 1, 100000};
  atollTensor_t* tensors = (atollTensor_t*)calloc(given[2], sizeof(*tensors));
  int i, j;
  for (i = 0; i < 3; ++i) {
    for (j = 0; j < 2; ++j) peers[j].tensors = tensors, peers[j].tensor_count = given[i];
    together(peers, reduce_batch, i == 0 ? atollSuccess : atollInvalidArgument);
  }
  CHECK_RESULT((reduce_batch(&peers[0]), peers[0].result), atollInvalidArgument);
  check_sentence("'tensor_count'", "at most 65536");
  free(tensors);
  both_are_members(peers);
}

/* ---- state ---------------------------------------------------------------------------------- */

static void names_of_tensors_are_printable_and_bounded(Peer peers[2]) {
  char buffer[kTextBytes];
  float values[2][1] = {{1}, {1}};
  int i;
  size_t j;
  for (i = 0; i < 2; ++i) {
    CHECK_OK(atollStateCreate(&peers[i].state));
    for (j = 0; j < sizeof(kTexts) / sizeof(kTexts[0]); ++j) {
      const char* text = text_of(&kTexts[j], buffer);
      const atollResult_t added =
          atollStateAddTensor(peers[i].state, text, values[i], atollFloat32, 1);
      CHECK_RESULT(added, kTexts[j].problem == NULL ? atollSuccess : atollInvalidArgument);
      if (added != atollSuccess) check_sentence("'name'", kTexts[j].problem);
    }
    CHECK_OK(atollStatePublish(peers[i].state, 1));
  }
  together(peers, sync_state, atollSuccess);
  for (i = 0; i < 2; ++i) CHECK_OK(atollStateDestroy(peers[i].state));
  both_are_members(peers);
}

/* As many as there may be, with the longest names: still one message. */
static void tensors_of_a_state_are_bounded(Peer peers[2]) {
  float value[1] = {1};
  char name[kNameBytes + 1];
  int i, j;
  for (i = 0; i < 2; ++i) {
    CHECK_OK(atollStateCreate(&peers[i].state));
    for (j = 0; j < kTensors; ++j) {
      snprintf(name, sizeof(name), "%0128d", j);
      if (atollStateAddTensor(peers[i].state, name, value, atollFloat32, 1) != atollSuccess) {
        CHECK(!"a tensor was refused");
        break;
      }
    }
    CHECK_RESULT(atollStateAddTensor(peers[i].state, "more", value, atollFloat32, 1),
                 atollInvalidArgument);
    check_sentence("more", "at most 65536");
    CHECK_OK(atollStatePublish(peers[i].state, UINT64_MAX));
  }
  together(peers, sync_state, atollSuccess);
  for (i = 0; i < 2; ++i) CHECK_OK(atollStateDestroy(peers[i].state));
  both_are_members(peers);
}

int main(void) {
  LocalRun run = local_run_start(2);
  Peer peers[2];
  memset(peers, 0, sizeof(peers));
  peers[0].comm = local_run_connect(&run, "one");
  peers[1].comm = local_run_connect(&run, "healthy");
  both_are_members(peers);
  run_ids_of_coordinators_are_printable_and_bounded();
  names_are_printable_and_bounded(&run);
  addresses_are_printable_and_bounded(&run);
  both_are_members(peers);
  counts_are_bounded(peers);
  the_greatest_count_is_told_to_others(peers);
  reserved_tags_are_refused(peers);
  roots_that_are_no_members_lose_nobody(peers);
  tensors_of_a_batch_are_bounded(peers);
  tensors_that_overlap_are_no_call(peers);
  names_of_tensors_are_printable_and_bounded(peers);
  tensors_of_a_state_are_bounded(peers);
  tags_of_a_generation_are_bounded(peers);
  CHECK_OK(atollCommDestroy(peers[0].comm));
  CHECK_OK(atollCommDestroy(peers[1].comm));
  local_run_stop(&run);
  return check_status();
}
