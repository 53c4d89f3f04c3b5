/* Calls with blocks of different sizes, and all-to-alls, by three peers of one process. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kPeers = 3, kMost = 400000 };

typedef struct {
  atollComm_t comm;
  uint32_t rank;
  uint64_t ids[kPeers];      /* by rank */
  const uint64_t* counts;    /* by rank */
  int in_place;
  int asynchronous;
  int32_t* send;             /* kMost */
  int32_t* receive;
  atollResult_t result;
  char sentence[512];
} Peer;

static Peer peers[kPeers];

static void* join(void* argument) {
  Peer* peer = (Peer*)argument;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  uint32_t i;
  peer->result = atollUpdate(peer->comm, &view);
  peer->rank = view.rank;
  for (i = 0; i < kPeers; ++i) CHECK_OK(atollGetPeerAt(peer->comm, i, &peer->ids[i]));
  return NULL;
}

static uint64_t total(const uint64_t* counts, uint32_t blocks) {
  uint64_t all = 0;
  uint32_t i;
  for (i = 0; i < blocks; ++i) all += counts[i];
  return all;
}

static uint64_t before(const Peer* peer, uint32_t rank) { return total(peer->counts, rank); }

static int32_t value(uint32_t rank, uint64_t element) {
  return (int32_t)((uint32_t)element * 2654435761u + (rank + 1) * 0x9E3779B9u);
}

/* Of what a blocking call returned, or the end of one that goes on. */
static void ended(Peer* peer, atollResult_t started, const atollRequest_t* request) {
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  peer->result = started;
  if (started == atollSuccess && *request != NULL) peer->result = atollWait(*request, &info);
  strncpy(peer->sentence, atollGetLastError(), sizeof(peer->sentence) - 1);
}

static void run_on_all(void* (*work)(void*)) {
  pthread_t threads[kPeers];
  int p;
  for (p = 0; p < kPeers; ++p) {
    memset(peers[p].sentence, 0, sizeof(peers[p].sentence));
    if (pthread_create(&threads[p], NULL, work, &peers[p]) != 0) exit(1);
  }
  for (p = 0; p < kPeers; ++p) pthread_join(threads[p], NULL);
}

static void* reduce_scatter(void* argument) {
  Peer* peer = (Peer*)argument;
  const uint64_t all = total(peer->counts, kPeers), own = peer->counts[peer->rank];
  const uint64_t begin = before(peer, peer->rank);
  int32_t* out = peer->in_place ? peer->send + begin : peer->receive;
  atollRequest_t request = NULL;
  uint64_t i;
  for (i = 0; i < all; ++i) peer->send[i] = value(peer->rank, i);
  ended(peer,
        peer->asynchronous
            ? atollReduceScatterVAsync(peer->send, out, peer->counts, kPeers, atollInt32,
                                       atollBitXor, peer->comm, NULL, &request)
            : atollReduceScatterV(peer->send, out, peer->counts, kPeers, atollInt32, atollBitXor,
                                  peer->comm, NULL, NULL),
        &request);
  for (i = 0; i < own; ++i) {
    CHECK(out[i] == (value(0, begin + i) ^ value(1, begin + i) ^ value(2, begin + i)));
  }
  return NULL;
}

static void holds_all_blocks(const Peer* peer) {
  uint32_t b;
  uint64_t i;
  for (b = 0; b < kPeers; ++b) {
    const int32_t* block = peer->receive + before(peer, b);
    for (i = 0; i < peer->counts[b]; ++i) CHECK(block[i] == value(b, i));
  }
}

static void* all_gather(void* argument) {
  Peer* peer = (Peer*)argument;
  const uint64_t own = peer->counts[peer->rank];
  int32_t* in = peer->in_place ? peer->receive + before(peer, peer->rank) : peer->send;
  atollRequest_t request = NULL;
  uint64_t i;
  for (i = 0; i < own; ++i) in[i] = value(peer->rank, i);
  ended(peer,
        peer->asynchronous
            ? atollAllGatherVAsync(in, peer->receive, peer->counts, kPeers, atollInt32, peer->comm,
                                   NULL, &request)
            : atollAllGatherV(in, peer->receive, peer->counts, kPeers, atollInt32, peer->comm,
                              NULL, NULL),
        &request);
  holds_all_blocks(peer);
  return NULL;
}

static void* gather(void* argument) {
  Peer* peer = (Peer*)argument;
  const int root = peer->rank == 1;
  int32_t* out = root ? peer->receive : NULL;
  atollRequest_t request = NULL;
  uint64_t i;
  for (i = 0; i < peer->counts[peer->rank]; ++i) peer->send[i] = value(peer->rank, i);
  ended(peer,
        peer->asynchronous
            ? atollGatherVAsync(peer->send, out, peer->counts, kPeers, atollInt32, peer->ids[1],
                                peer->comm, NULL, &request)
            : atollGatherV(peer->send, out, peer->counts, kPeers, atollInt32, peer->ids[1],
                           peer->comm, NULL, NULL),
        &request);
  if (root) holds_all_blocks(peer);
  return NULL;
}

static void* scatter(void* argument) {
  Peer* peer = (Peer*)argument;
  const int root = peer->rank == 2;
  const uint64_t begin = before(peer, peer->rank);
  const int32_t* in = root ? peer->send : NULL;
  int32_t* out = root && peer->in_place ? peer->send + begin : peer->receive;
  atollRequest_t request = NULL;
  uint64_t i;
  for (i = 0; root && i < total(peer->counts, kPeers); ++i) peer->send[i] = value(7, i);
  ended(peer,
        peer->asynchronous
            ? atollScatterVAsync(in, out, peer->counts, kPeers, atollInt32, peer->ids[2],
                                 peer->comm, NULL, &request)
            : atollScatterV(in, out, peer->counts, kPeers, atollInt32, peer->ids[2], peer->comm,
                            NULL, NULL),
        &request);
  for (i = 0; i < peer->counts[peer->rank]; ++i) CHECK(out[i] == value(7, begin + i));
  return NULL;
}

/* From rank i to rank j. */
static uint64_t crossing(const Peer* peer, uint32_t i, uint32_t j) {
  return peer->counts[(2 * i + j) % kPeers];
}

static void* all_to_all_uneven(void* argument) {
  Peer* peer = (Peer*)argument;
  uint64_t sends[kPeers], receives[kPeers], i, at = 0;
  uint32_t j;
  atollRequest_t request = NULL;
  for (j = 0; j < kPeers; ++j) {
    sends[j] = crossing(peer, peer->rank, j);
    receives[j] = crossing(peer, j, peer->rank);
    for (i = 0; i < sends[j]; ++i) peer->send[at++] = value(10 * peer->rank + j, i);
  }
  ended(peer,
        peer->asynchronous
            ? atollAllToAllVAsync(peer->send, peer->receive, sends, receives, kPeers, atollInt32,
                                  peer->comm, NULL, &request)
            : atollAllToAllV(peer->send, peer->receive, sends, receives, kPeers, atollInt32,
                             peer->comm, NULL, NULL),
        &request);
  at = 0;
  for (j = 0; j < kPeers; ++j) {
    for (i = 0; i < receives[j]; ++i) {
      CHECK(peer->receive[at++] == value(10 * j + peer->rank, i));
    }
  }
  return NULL;
}

static void* all_to_all(void* argument) {
  Peer* peer = (Peer*)argument;
  const uint64_t count = peer->counts[0];
  atollRequest_t request = NULL;
  uint64_t i;
  uint32_t j;
  for (i = 0; i < kPeers * count; ++i) peer->send[i] = value(peer->rank, i);
  ended(peer,
        peer->asynchronous
            ? atollAllToAllAsync(peer->send, peer->receive, count, atollInt32, peer->comm, NULL,
                                 &request)
            : atollAllToAll(peer->send, peer->receive, count, atollInt32, peer->comm, NULL, NULL),
        &request);
  for (j = 0; j < kPeers; ++j) {
    for (i = 0; i < count; ++i) {
      CHECK(peer->receive[j * count + i] == value(j, peer->rank * count + i));
    }
  }
  return NULL;
}

static void results_are_right(const uint64_t* counts) {
  void* (*const calls[])(void*) = {reduce_scatter, all_gather, gather,
                                   scatter,        all_to_all, all_to_all_uneven};
  size_t call;
  int form, p;
  for (call = 0; call < sizeof(calls) / sizeof(calls[0]); ++call) {
    for (form = 0; form < 4; ++form) {
      for (p = 0; p < kPeers; ++p) {
        peers[p].counts = counts;
        peers[p].in_place = form % 2;
        peers[p].asynchronous = form / 2;
      }
      run_on_all(calls[call]);
      for (p = 0; p < kPeers; ++p) CHECK_OK(peers[p].result);
    }
  }
}

static void* differ(void* argument) {
  Peer* peer = (Peer*)argument;
  const atollRequest_t none = NULL;
  const uint64_t counts[kPeers] = {4, peer->rank == 2 ? 9 : 5, peer->rank == 2 ? 2 : 6};
  ended(peer, atollAllGatherV(peer->send, peer->receive, counts, kPeers, atollInt32, peer->comm,
                              NULL, NULL), &none);
  return NULL;
}

static void* expect_too_much(void* argument) {
  Peer* peer = (Peer*)argument;
  const atollRequest_t none = NULL;
  const uint64_t sends[kPeers] = {2, 2, 2};
  const uint64_t receives[kPeers] = {peer->rank == 1 ? 3 : 2, 2, 2};
  ended(peer, atollAllToAllV(peer->send, peer->receive, sends, receives, kPeers, atollInt32,
                             peer->comm, NULL, NULL), &none);
  return NULL;
}

static void differences_are_named_on_all(void) {
  int p;
  run_on_all(differ);
  for (p = 0; p < kPeers; ++p) {
    CHECK_RESULT(peers[p].result, atollMismatch);
    CHECK(strstr(peers[p].sentence, "block 1 has") != NULL);
    CHECK(strstr(peers[p].sentence, " 5 ") != NULL && strstr(peers[p].sentence, " 9 ") != NULL);
  }
  run_on_all(expect_too_much);
  for (p = 0; p < kPeers; ++p) {
    CHECK_RESULT(peers[p].result, atollMismatch);
    CHECK(strstr(peers[p].sentence, "sends 2 elements to") != NULL);
    CHECK(strstr(peers[p].sentence, "which expects 3") != NULL);
  }
}

static void bad_arguments_are_refused(void) {
  const Peer* peer = &peers[0];
  atollComm_t comm = peer->comm;
  int32_t* out = peer->receive;
  int32_t* in = peer->send;
  uint64_t counts[kPeers + 1] = {1, 2, 3, 4}, others[kPeers] = {1, 2, 3};
  atollRequest_t request = NULL;
  CHECK_RESULT(atollAllGatherV(in, out, NULL, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllGatherV(in, out, counts, kPeers + 1, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "'peers' is 4") != NULL);
  CHECK_RESULT(atollGatherV(in, out, counts, 0, atollInt32, peer->ids[0], comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollReduceScatterV(in, out, counts, kPeers, atollFloat32, atollBitOr, comm, NULL,
                                   NULL), atollInvalidArgument);
  CHECK_RESULT(atollScatterV(in, NULL, counts, kPeers, atollInt32, peer->ids[0], comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllGatherV(in + 2, in, counts, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "overlap") != NULL);
  counts[1] = UINT64_MAX - 2;
  CHECK_RESULT(atollAllGatherV(in, out, counts, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "'counts[1]'") != NULL);
  counts[1] = 2;
  CHECK_RESULT(atollAllToAllV(in, out, counts, NULL, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllToAllV(in, out, counts, others, 2, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllToAllV(NULL, out, counts, others, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllToAllV(in, in + 3, counts, others, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllToAll(in, in, 1, atollInt32, comm, NULL, NULL), atollInvalidArgument);
  others[peer->rank] = 99;
  CHECK_RESULT(atollAllToAllV(in, out, counts, others, kPeers, atollInt32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "is 99") != NULL);
  CHECK_RESULT(atollAllToAllAsync(in, out, 1, atollInt32, comm, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollAllToAllAsync(in, out, 1, atollInt32, NULL, NULL, &request),
               atollInvalidArgument);
  CHECK(request == NULL);
}

int main(void) {
  static const uint64_t mixes[][kPeers] = {{0, 0, 0},     {0, 5, 0},      {1, 2, 3},
                                           {4001, 0, 17}, {99991, 1, 7},  {0, 65537, 100003},
                                           {2000, 2000, 2000}};
  LocalRun run = local_run_start(kPeers);
  int32_t* buffers = (int32_t*)calloc(2 * (size_t)kPeers * kMost, sizeof(int32_t));
  size_t i;
  int p;
  if (buffers == NULL) return 1;
  memset(peers, 0, sizeof(peers));
  for (p = 0; p < kPeers; ++p) {
    peers[p].comm = local_run_connect(&run, p == 0 ? "one" : p == 1 ? "two" : "three");
    peers[p].send = buffers + 2 * (size_t)p * kMost;
    peers[p].receive = peers[p].send + kMost;
  }
  CHECK_RESULT(atollAllToAll(peers[0].send, peers[0].receive, 1, atollInt32, peers[0].comm, NULL,
                             NULL), atollNotConnected);
  run_on_all(join);
  for (p = 0; p < kPeers; ++p) CHECK_OK(peers[p].result);
  for (i = 0; i < sizeof(mixes) / sizeof(mixes[0]); ++i) results_are_right(mixes[i]);
  differences_are_named_on_all();
  bad_arguments_are_refused();
  results_are_right(mixes[2]);
  for (p = 0; p < kPeers; ++p) CHECK_OK(atollCommDestroy(peers[p].comm));
  free(buffers);
  local_run_stop(&run);
  return check_status();
}
