/* More calls are started than may be in flight: those beyond wait for room, and none is refused.
 * Else each peer would have other calls refused, by what happens to have ended there, and the run
 * would be out of step for good. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCalls = ATOLL_CALLS_IN_FLIGHT_MAX + 1500 };

typedef struct {
  atollComm_t comm;
  int waits; /* for the other one to have as many in flight as may be */
  float values[kCalls];
  atollRequest_t requests[kCalls];
  int failed;
  uint32_t world;
  atollResult_t updated;
} Peer;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int started; /* by the one that does not wait */

static void note_started(const Peer* peer) {
  pthread_mutex_lock(&mutex);
  if (!peer->waits) ++started;
  pthread_cond_signal(&more);
  while (peer->waits && started < ATOLL_CALLS_IN_FLIGHT_MAX) pthread_cond_wait(&more, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void* work(void* argument) {
  Peer* peer = (Peer*)argument;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  int i;
  peer->updated = atollUpdate(peer->comm, NULL);
  for (i = 0; i < kCalls; ++i) {
    if (peer->waits) note_started(peer);
    peer->values[i] = (float)i;
    if (atollAllReduceAsync(&peer->values[i], &peer->values[i], 1, atollFloat32, atollSum,
                            peer->comm, NULL, &peer->requests[i]) != atollSuccess) {
      ++peer->failed;
    }
    if (!peer->waits) note_started(peer);
  }
  for (i = 0; i < kCalls; ++i) {
    if (atollWait(peer->requests[i], NULL) != atollSuccess) ++peer->failed;
    if (peer->values[i] != 2 * (float)i) ++peer->failed;
  }
  if (peer->updated == atollSuccess) peer->updated = atollUpdate(peer->comm, &view);
  peer->world = view.world;
  return NULL;
}

int main(void) {
  LocalRun run = local_run_start(2);
  Peer* peers = calloc(2, sizeof(*peers));
  pthread_t other;
  int i;
  if (peers == NULL) return 1;
  peers[0].comm = local_run_connect(&run, "one");
  peers[1].comm = local_run_connect(&run, "two");
  peers[1].waits = 1;
  if (pthread_create(&other, NULL, work, &peers[1]) != 0) return 1;
  work(&peers[0]);
  pthread_join(other, NULL);
  for (i = 0; i < 2; ++i) {
    CHECK_EQUAL(peers[i].failed, 0);
    CHECK_EQUAL(peers[i].updated, atollSuccess);
    CHECK_EQUAL(peers[i].world, 2);
    CHECK_OK(atollCommDestroy(peers[i].comm));
  }
  free(peers);
  local_run_stop(&run);
  return check_status();
}
