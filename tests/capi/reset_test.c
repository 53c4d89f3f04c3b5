/* Data connections that are reset again and again while tensors travel: every sum is still right,
 * and nobody is taken for dead. */
#include <sched.h>
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 500000, kRounds = 10 };

typedef struct {
  atollComm_t comm;
  uint32_t* values;
  unsigned connections_cut; /* by the last reset, as the log says, in a thread of its own */
  int resets;
  pthread_t thread;
} Peer;

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static void read_log(void* user, int level, const char* message) {
  Peer* peer = (Peer*)user;
  unsigned cut = 0;
  (void)level;
  if (sscanf(message, "reset %u data connections", &cut) != 1) return;
  pthread_mutex_lock(&log_mutex);
  peer->connections_cut = cut;
  ++peer->resets;
  pthread_mutex_unlock(&log_mutex);
}

static int resets_of(const Peer* peer, unsigned* cut) {
  int resets;
  pthread_mutex_lock(&log_mutex);
  resets = peer->resets;
  if (cut != NULL) *cut = peer->connections_cut;
  pthread_mutex_unlock(&log_mutex);
  return resets;
}

/* How many connections it has cut. */
static unsigned reset(Peer* peer) {
  const int before = resets_of(peer, NULL);
  unsigned cut = 0;
  CHECK_OK(atollResetConnections(peer->comm));
  while (check_failures == 0 && resets_of(peer, &cut) == before) sched_yield();
  return cut;
}

static void fill(Peer* peer, uint32_t factor) {
  uint32_t i;
  for (i = 0; i < kCount; ++i) peer->values[i] = i * factor;
}

static uint32_t wrong(const Peer* peer, uint32_t factor) {
  uint32_t i, count = 0;
  for (i = 0; i < kCount; ++i) count += peer->values[i] != i * factor;
  return count;
}

static void start(Peer* peer, uint32_t factor, atollRequest_t* request) {
  fill(peer, factor);
  CHECK_OK(atollAllReduceAsync(peer->values, peer->values, kCount, atollUint32, atollSum,
                               peer->comm, NULL, request));
}

static void finish(Peer* peer, uint32_t factor, atollRequest_t request) {
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  CHECK_OK(atollWait(request, &info));
  CHECK_EQUAL(info.contributors, 2);
  CHECK_EQUAL(info.attempts, 1);
  CHECK_EQUAL(wrong(peer, factor), 0);
}

/* A reset that came when its round was over may still be being mended. */
static void wait_for_a_connection(const Peer* peer) {
  uint64_t connections = 0;
  while (connections == 0 && check_failures == 0) {
    CHECK_OK(atollGetAttribute(peer->comm, atollAttributeConnections, &connections));
    sched_yield();
  }
}

/* Every reset has something to cut. */
static void rounds_survive_resets(Peer peers[2]) {
  uint32_t round;
  for (round = 1; round <= kRounds; ++round) {
    atollRequest_t requests[2] = {NULL, NULL};
    Peer* cutter = &peers[round % 2];
    wait_for_a_connection(cutter);
    start(&peers[0], round, &requests[0]);
    start(&peers[1], 7, &requests[1]);
    if (round > 1) {
      CHECK(reset(cutter) > 0);
    }
    finish(&peers[0], round + 7, requests[0]);
    finish(&peers[1], round + 7, requests[1]);
  }
  CHECK_EQUAL(resets_of(&peers[0], NULL) + resets_of(&peers[1], NULL), kRounds - 1);
}

static void connect_peer(Peer* peer, const LocalRun* run, const char* name) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = run->address;
  config.name = name;
  config.log = read_log;
  config.log_user = peer;
  CHECK_OK(atollCommCreate(&peer->comm, &config));
  CHECK_OK(atollCommConnect(peer->comm));
}

static void* join(void* argument) {
  CHECK_OK(atollUpdate(((Peer*)argument)->comm, NULL));
  return NULL;
}

int main(void) {
  LocalRun run;
  Peer peers[2];
  int i;
  setenv("ATOLL_LOG", "info", 1); /* the level from which the callback is told */
  run = local_run_start(2);
  memset(peers, 0, sizeof(peers));
  for (i = 0; i < 2; ++i) {
    peers[i].values = (uint32_t*)malloc(kCount * sizeof(uint32_t));
    if (peers[i].values == NULL) return 1;
    connect_peer(&peers[i], &run, i == 0 ? "first" : "second");
  }
  for (i = 0; i < 2; ++i) {
    if (pthread_create(&peers[i].thread, NULL, join, &peers[i]) != 0) return 1;
  }
  for (i = 0; i < 2; ++i) pthread_join(peers[i].thread, NULL);
  rounds_survive_resets(peers);
  for (i = 0; i < 2; ++i) {
    CHECK_OK(atollCommDestroy(peers[i].comm));
    free(peers[i].values);
  }
  local_run_stop(&run);
  return check_status();
}
