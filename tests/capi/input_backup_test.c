/* How much memory in-place calls of two peers take, as attributes tell it. */
#include <math.h>
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 1000000, kBytes = kCount * 4, kSlab = 2 << 20 };

typedef struct {
  atollComm_t comm;
  float* source; /* kCount each; in place: the sink */
  float* sink;
  int disposable;
  atollResult_t result;
} Peer;

static void* join(void* argument) {
  Peer* peer = (Peer*)argument;
  peer->result = atollUpdate(peer->comm, NULL);
  return NULL;
}

static void* reduce(void* argument) {
  Peer* peer = (Peer*)argument;
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.input_disposable = peer->disposable;
  peer->result = atollAllReduce(peer->source, peer->sink, kCount, atollFloat32, atollSum,
                                peer->comm, &options, NULL);
  return NULL;
}

static void together(Peer peers[2], void* (*work)(void*)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, &peers[1]) != 0) exit(1);
  work(&peers[0]);
  pthread_join(thread, NULL);
}

static uint64_t attribute(const Peer* peer, atollAttribute_t which) {
  uint64_t value = 12345;
  CHECK_OK(atollGetAttribute(peer->comm, which, &value));
  return value;
}

static void connect_both(const LocalRun* run, Peer peers[2], uint64_t kept, uint64_t limit) {
  int i;
  for (i = 0; i < 2; ++i) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = run->address;
    config.input_backup_bytes = kept;
    config.input_backup_limit_bytes = i == 1 ? limit : 0;
    config.name = i == 0 ? "first" : "second";
    CHECK_OK(atollCommCreate(&peers[i].comm, &config));
    CHECK_OK(atollCommConnect(peers[i].comm));
  }
  together(peers, join);
  CHECK_OK(peers[0].result);
  CHECK_OK(peers[1].result);
}

static void all_reduce(Peer peers[2], float* memory[4], int in_place, int disposable,
                       atollResult_t expected) {
  int i;
  for (i = 0; i < 2; ++i) {
    int k;
    peers[i].source = memory[2 * i];
    peers[i].sink = in_place ? memory[2 * i] : memory[2 * i + 1];
    peers[i].disposable = disposable;
    for (k = 0; k < kCount; ++k) peers[i].source[k] = (float)(k % 1000 + 1000 * i);
  }
  together(peers, reduce);
  for (i = 0; i < 2; ++i) {
    int k, wrong = 0;
    CHECK(peers[i].result == expected);
    for (k = 0; k < kCount; ++k) {
      const float input = (float)(k % 1000 + 1000 * i);
      const float sum = (float)(2 * (k % 1000) + 1000);
      if (expected == atollSuccess && peers[i].sink[k] != sum) ++wrong;
      if (expected != atollSuccess && peers[i].source[k] != input) ++wrong;
    }
    CHECK_EQUAL(wrong, 0);
  }
}

static void destroy_both(Peer peers[2]) {
  CHECK_OK(atollCommDestroy(peers[1].comm));
  CHECK_OK(atollCommDestroy(peers[0].comm));
}

static void only_in_place_calls_take_memory(const LocalRun* run, float* memory[4]) {
  Peer peers[2];
  int round;
  connect_both(run, peers, (uint64_t)1 << 30, 0);
  all_reduce(peers, memory, 0, 0, atollSuccess);
  all_reduce(peers, memory, 1, 1, atollSuccess);
  CHECK_EQUAL(attribute(&peers[0], atollAttributeInputBackupPeakBytes), 0);
  for (round = 0; round < 3; ++round) {
    all_reduce(peers, memory, 1, 0, atollSuccess);
    CHECK_EQUAL(attribute(&peers[0], atollAttributeInputBackupBytes), 0);
    CHECK(attribute(&peers[0], atollAttributeInputBackupPeakBytes) >= kBytes);
    CHECK(attribute(&peers[0], atollAttributeInputBackupPeakBytes) <= kBytes * 3 / 2 + kSlab);
    CHECK_EQUAL(attribute(&peers[0], atollAttributeInputBackupKeptBytes),
                attribute(&peers[0], atollAttributeInputBackupPeakBytes));
  }
  destroy_both(peers);
}

static void a_limit_ends_the_call_on_both(const LocalRun* run, float* memory[4]) {
  Peer peers[2];
  connect_both(run, peers, 0, kBytes - 1);
  all_reduce(peers, memory, 1, 0, atollOutOfMemory);
  CHECK_EQUAL(attribute(&peers[0], atollAttributeInputBackupKeptBytes), 0);
  all_reduce(peers, memory, 0, 0, atollSuccess);
  destroy_both(peers);
}

int main(void) {
  float* memory[4];
  int i;
  for (i = 0; i < 4; ++i) {
    memory[i] = (float*)malloc(kBytes);
    if (memory[i] == NULL) return 1;
  }
  for (i = 0; i < 2; ++i) {
    LocalRun run = local_run_start(2);
    if (i == 0) only_in_place_calls_take_memory(&run, memory);
    if (i == 1) a_limit_ends_the_call_on_both(&run, memory);
    local_run_stop(&run);
  }
  for (i = 0; i < 4; ++i) free(memory[i]);
  return check_status();
}
