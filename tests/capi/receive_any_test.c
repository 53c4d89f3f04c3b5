/* Receives from whoever sends, by three peers of one process: the first receives. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kPeers = 3, kRounds = 20, kMost = 300000 };

typedef struct {
  atollComm_t comm;
  int index;
  uint64_t id;
  uint64_t receiver;
  uint64_t count;
  int32_t* values; /* kMost */
} Peer;

static Peer peers[kPeers];

static void* join(void* argument) {
  Peer* peer = (Peer*)argument;
  CHECK_OK(atollUpdate(peer->comm, NULL));
  CHECK_OK(atollGetAttribute(peer->comm, atollAttributePeer, &peer->id));
  return NULL;
}

static void* send_some(void* argument) {
  Peer* peer = (Peer*)argument;
  int round;
  for (round = 0; round < kRounds; ++round) {
    uint64_t i;
    for (i = 0; i < peer->count; ++i) peer->values[i] = 1000 * peer->index + round;
    CHECK_OK(atollSend(peer->values, peer->count, atollInt32, peer->receiver, peer->comm, NULL,
                       NULL));
  }
  return NULL;
}

static void* receive_all(void* argument) {
  Peer* peer = (Peer*)argument;
  int next[kPeers] = {0, 0, 0}, round;
  for (round = 0; round < (kPeers - 1) * kRounds; ++round) {
    atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
    int from;
    uint64_t i;
    if (round % 2 == 0) {
      CHECK_OK(atollRecvAny(peer->values, peer->count, atollInt32, peer->comm, NULL, &info));
    } else {
      atollRequest_t request = NULL;
      CHECK_OK(atollRecvAnyAsync(peer->values, peer->count, atollInt32, peer->comm, NULL,
                                 &request));
      CHECK_OK(atollWait(request, &info));
    }
    from = peer->values[0] / 1000;
    CHECK(from > 0 && from < kPeers);
    if (from <= 0 || from >= kPeers) return NULL;
    CHECK(info.sender == peers[from].id);
    CHECK_EQUAL(peer->values[0], 1000 * from + next[from]);
    for (i = 0; i < peer->count; ++i) CHECK(peer->values[i] == peer->values[0]);
    ++next[from];
  }
  CHECK_EQUAL(next[1], kRounds);
  CHECK_EQUAL(next[2], kRounds);
  return NULL;
}

static void on_all(void* (*first)(void*), void* (*others)(void*)) {
  pthread_t threads[kPeers];
  int p;
  for (p = 0; p < kPeers; ++p) {
    if (pthread_create(&threads[p], NULL, p == 0 ? first : others, &peers[p]) != 0) exit(1);
  }
  for (p = 0; p < kPeers; ++p) pthread_join(threads[p], NULL);
}

static void bad_calls_are_refused(void) {
  atollComm_t comm = peers[0].comm;
  int32_t value = 0;
  atollRequest_t request = NULL;
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  CHECK_RESULT(atollRecvAny(NULL, 1, atollInt32, comm, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollRecvAny(&value, 1, (atollDataType_t)77, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollRecv(&value, 1, atollInt32, 0, comm, NULL, NULL), atollPeerLost);
  CHECK_OK(atollRecvAnyAsync(&value, 1, atollInt32, comm, NULL, &request));
  CHECK_RESULT(atollRecv(&value, 1, atollInt32, peers[1].id, comm, NULL, NULL),
               atollInvalidUsage);
  CHECK(strstr(atollGetLastError(), "tag 0") != NULL);
  CHECK_OK(atollCancel(request));
  CHECK_RESULT(atollWait(request, NULL), atollCancelled);
  options.deadline_ms = 20;
  CHECK_RESULT(atollRecvAny(&value, 1, atollInt32, comm, &options, NULL), atollTimeout);
  CHECK(strstr(atollGetLastError(), "deadline") != NULL);
}

int main(void) {
  static const uint64_t counts[] = {1, 1000, 40000, kMost};
  static const char* const names[kPeers] = {"one", "two", "three"};
  LocalRun run = local_run_start(kPeers);
  size_t i;
  int p;
  for (p = 0; p < kPeers; ++p) {
    peers[p].index = p;
    peers[p].comm = local_run_connect(&run, names[p]);
    peers[p].values = (int32_t*)calloc(kMost, sizeof(int32_t));
    if (peers[p].values == NULL) return 1;
  }
  CHECK_RESULT(atollRecvAny(peers[0].values, 1, atollInt32, peers[0].comm, NULL, NULL),
               atollNotConnected);
  on_all(join, join);
  for (i = 0; i < sizeof(counts) / sizeof(counts[0]); ++i) {
    for (p = 0; p < kPeers; ++p) {
      peers[p].count = counts[i];
      peers[p].receiver = peers[0].id;
    }
    on_all(receive_all, send_some);
  }
  bad_calls_are_refused();
  for (p = 0; p < kPeers; ++p) {
    CHECK_OK(atollCommDestroy(peers[p].comm));
    free(peers[p].values);
  }
  local_run_stop(&run);
  return check_status();
}
