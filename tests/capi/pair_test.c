/* Two peers of one process, each on its own thread: what one does alone the other hears of. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 50000 };

typedef struct {
  atollComm_t comm;
  int rank;
  float* values; /* kCount */
  uint64_t count;
  double weight;
  size_t options_size; /* as of an older program */
  atollOpInfo_t info;
  uint64_t ids[2];
  double weights[3]; /* the last is never written */
  atollResult_t result;
} Peer;

static void* join(void* argument) {
  Peer* peer = (Peer*)argument;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  peer->result = atollUpdate(peer->comm, &view);
  peer->rank = (int)view.rank;
  return NULL;
}

static void* reduce(void* argument) {
  Peer* peer = (Peer*)argument;
  peer->result = atollAllReduce(peer->values, peer->values, peer->count, atollFloat32, atollSum,
                                peer->comm, NULL, NULL);
  return NULL;
}

static void* average(void* argument) {
  Peer* peer = (Peer*)argument;
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  const atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  options.weight = peer->weight;
  options.size = peer->options_size;
  peer->info = info;
  peer->info.contributor_ids = peer->ids;
  peer->info.contributor_capacity = 2;
  peer->info.contributor_weights = peer->weights;
  peer->weights[0] = peer->weights[1] = peer->weights[2] = -1.0;
  peer->result = atollAllReduce(peer->values, peer->values, peer->count, atollFloat32, atollAvg,
                                peer->comm, &options, &peer->info);
  return NULL;
}

static void together(Peer peers[2], void* (*work)(void*)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, &peers[1]) != 0) exit(1);
  work(&peers[0]);
  pthread_join(thread, NULL);
}

/* Inputs are multiples of 1/16 below 4096, so that sums are exact. */
static void fill(Peer* peer, uint32_t seed) {
  int i;
  for (i = 0; i < kCount; ++i) peer->values[i] = (float)(next_random(&seed) % 65536u) / 16.0f;
}

static void both_get_the_sum(Peer peers[2], float* expected) {
  int i;
  fill(&peers[0], 1);
  fill(&peers[1], 2);
  for (i = 0; i < kCount; ++i) expected[i] = peers[0].values[i] + peers[1].values[i];
  peers[0].count = peers[1].count = kCount;
  together(peers, reduce);
  CHECK_OK(peers[0].result);
  CHECK_OK(peers[1].result);
  CHECK(memcmp(peers[0].values, expected, kCount * sizeof(float)) == 0);
  CHECK(memcmp(peers[1].values, expected, kCount * sizeof(float)) == 0);
}

/* Values are multiples of 1/16 below 4096, so that sums of three are exact. */
static void weights_count(Peer peers[2], float* expected, uint64_t count, double second,
                          size_t second_size) {
  const double counted = second_size < sizeof(atollOpOptions_t) ? 1.0 : second;
  uint64_t i;
  fill(&peers[0], 6);
  fill(&peers[1], 7);
  for (i = 0; i < count; ++i) {
    const double sum = 2.0 * peers[0].values[i] + counted * peers[1].values[i];
    expected[i] = (float)(sum / (2.0 + counted));
  }
  peers[0].count = peers[1].count = count;
  peers[0].weight = 2.0;
  peers[1].weight = second;
  peers[0].options_size = sizeof(atollOpOptions_t);
  peers[1].options_size = second_size;
  together(peers, average);
  for (i = 0; i < 2; ++i) {
    uint64_t self = 0;
    const int own = (int)i;
    CHECK_OK(peers[i].result);
    CHECK(peers[i].info.total_weight == 2.0 + counted);
    CHECK_EQUAL(peers[i].info.contributors, 2);
    CHECK_OK(atollGetAttribute(peers[i].comm, atollAttributePeer, &self));
    CHECK_EQUAL(peers[i].ids[peers[i].rank], self);
    CHECK(peers[i].weights[peers[i].rank] == (own == 0 ? 2.0 : counted));
    CHECK(peers[i].weights[1 - peers[i].rank] == (own == 0 ? counted : 2.0));
    CHECK(peers[i].weights[2] == -1.0);
    CHECK(memcmp(peers[i].values, expected, count * sizeof(float)) == 0);
  }
}

static void averages_count_weights(Peer peers[2], float* expected) {
  weights_count(peers, expected, kCount, 1.0, sizeof(atollOpOptions_t));
  weights_count(peers, expected, 1, 0.5, sizeof(atollOpOptions_t));
  weights_count(peers, expected, kCount, 0.0, sizeof(atollOpOptions_t));
  /* A program that was compiled before there were weights brings 1. */
  weights_count(peers, expected, kCount, 9.0, offsetof(atollOpOptions_t, weight));
}

static void a_difference_is_an_error_on_both(Peer peers[2], float* before) {
  fill(&peers[0], 3);
  memcpy(before, peers[0].values, kCount * sizeof(float));
  peers[0].count = kCount;
  peers[1].count = kCount - 1;
  together(peers, reduce);
  CHECK_RESULT(peers[0].result, atollMismatch);
  CHECK(peers[1].result == atollMismatch);
  CHECK(memcmp(peers[0].values, before, kCount * sizeof(float)) == 0);
}

/* The other one, which had not called, then hears of it from its own call. */
static void a_cancelled_call_is_cancelled_for_all(Peer peers[2], float* before) {
  atollRequest_t request = NULL;
  fill(&peers[0], 4);
  memcpy(before, peers[0].values, kCount * sizeof(float));
  CHECK_OK(atollAllReduceAsync(peers[0].values, peers[0].values, kCount, atollFloat32, atollSum,
                               peers[0].comm, NULL, &request));
  CHECK_RESULT(atollTest(request, NULL), atollInProgress);
  CHECK_OK(atollCancel(request));
  CHECK_RESULT(atollWait(request, NULL), atollCancelled);
  CHECK(memcmp(peers[0].values, before, kCount * sizeof(float)) == 0);
  peers[1].count = kCount;
  reduce(&peers[1]);
  CHECK_RESULT(peers[1].result, atollCancelled);
}

static void a_deadline_ends_a_call(Peer peers[2]) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.deadline_ms = 100;
  CHECK_RESULT(atollBarrier(peers[0].comm, &options), atollTimeout);
  CHECK_RESULT(atollBarrier(peers[1].comm, &options), atollTimeout);
}

static void a_peer_with_a_taken_name_is_refused(const LocalRun* run) {
  atollComm_t first = NULL, second = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = run->address;
  config.replica = "atlas";
  config.name = "the-first";
  CHECK_OK(atollCommCreate(&first, &config));
  config.name = "the-second";
  CHECK_OK(atollCommCreate(&second, &config));
  CHECK_OK(atollCommConnect(first));
  CHECK_RESULT(atollCommConnect(second), atollDuplicatePeer);
  CHECK(strstr(atollGetLastError(), "the-first") != NULL);
  CHECK_OK(atollCommDestroy(second));
  CHECK_OK(atollCommDestroy(first));
}

static void a_peer_that_leaves_leaves_the_other_alone(Peer peers[2]) {
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  float value = 6;
  CHECK_OK(atollCommDestroy(peers[1].comm));
  CHECK_OK(atollUpdate(peers[0].comm, &view));
  CHECK_EQUAL(view.world, 1);
  CHECK_OK(atollAllReduce(&value, &value, 1, atollFloat32, atollAvg, peers[0].comm, NULL, NULL));
  CHECK(value == 6);
  CHECK_OK(atollCommDestroy(peers[0].comm));
}

int main(void) {
  LocalRun run = local_run_start(2);
  float* buffers = (float*)malloc(3 * kCount * sizeof(float));
  Peer peers[2];
  if (buffers == NULL) return 1;
  memset(peers, 0, sizeof(peers));
  peers[0].comm = local_run_connect(&run, "first");
  peers[1].comm = local_run_connect(&run, "second");
  peers[0].values = buffers;
  peers[1].values = buffers + kCount;
  together(peers, join);
  CHECK_OK(peers[0].result);
  CHECK_OK(peers[1].result);
  CHECK_EQUAL(peers[0].rank + peers[1].rank, 1);
  both_get_the_sum(peers, buffers + 2 * kCount);
  averages_count_weights(peers, buffers + 2 * kCount);
  a_difference_is_an_error_on_both(peers, buffers + 2 * kCount);
  a_cancelled_call_is_cancelled_for_all(peers, buffers + 2 * kCount);
  a_deadline_ends_a_call(peers);
  both_get_the_sum(peers, buffers + 2 * kCount);
  a_peer_with_a_taken_name_is_refused(&run);
  a_peer_that_leaves_leaves_the_other_alone(peers);
  free(buffers);
  local_run_stop(&run);
  return check_status();
}
