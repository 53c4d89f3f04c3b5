/* Calls in which peers bring or get different parts, by three peers of one process. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kPeers = 3, kMost = 120000 };

typedef struct {
  atollComm_t comm;
  uint32_t rank;
  uint64_t ids[kPeers]; /* by rank */
  uint64_t count;       /* of a block */
  int in_place;
  float* send; /* kPeers * kMost */
  float* receive;
  atollOpInfo_t info;
  atollResult_t result;
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

/* Small whole numbers, so that sums are exact. */
static float value(uint32_t rank, uint64_t element) {
  return (float)((element * 7 + rank * 13 + element * element % 31) % 1000);
}

static float sum_of(uint64_t element) {
  return value(0, element) + value(1, element) + value(2, element);
}

static void together(void* (*work)(void*), uint64_t count, int in_place) {
  pthread_t threads[kPeers];
  const atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  uint64_t i;
  int p;
  for (p = 0; p < kPeers; ++p) {
    peers[p].count = count;
    peers[p].in_place = in_place;
    peers[p].info = info;
    for (i = 0; i < kPeers * count; ++i) {
      peers[p].send[i] = value(peers[p].rank, i);
      peers[p].receive[i] = -1;
    }
    if (pthread_create(&threads[p], NULL, work, &peers[p]) != 0) exit(1);
  }
  for (p = 0; p < kPeers; ++p) {
    pthread_join(threads[p], NULL);
    CHECK_OK(peers[p].result);
  }
}

static void* reduce_scatter(void* argument) {
  Peer* peer = (Peer*)argument;
  float* out = peer->in_place ? peer->send + peer->rank * peer->count : peer->receive;
  peer->result = atollReduceScatter(peer->send, out, peer->count, atollFloat32, atollSum,
                                    peer->comm, NULL, &peer->info);
  return NULL;
}

static void* all_gather(void* argument) {
  Peer* peer = (Peer*)argument;
  float* own = peer->receive + peer->rank * peer->count;
  if (peer->in_place) memcpy(own, peer->send, peer->count * sizeof(float));
  peer->result = atollAllGather(peer->in_place ? own : peer->send, peer->receive, peer->count,
                                atollFloat32, peer->comm, NULL, &peer->info);
  return NULL;
}

static void* reduce(void* argument) {
  Peer* peer = (Peer*)argument;
  float* out = peer->in_place ? peer->send : peer->receive;
  peer->result = atollReduce(peer->send, peer->rank == 1 ? out : NULL, peer->count, atollFloat32,
                             atollSum, peer->ids[1], peer->comm, NULL, &peer->info);
  return NULL;
}

static void* gather(void* argument) {
  Peer* peer = (Peer*)argument;
  atollRequest_t request = NULL;
  peer->result = atollGatherAsync(peer->send, peer->rank == 2 ? peer->receive : NULL, peer->count,
                                  atollFloat32, peer->ids[2], peer->comm, NULL, &request);
  if (peer->result == atollSuccess) peer->result = atollWait(request, &peer->info);
  return NULL;
}

static void* scatter(void* argument) {
  Peer* peer = (Peer*)argument;
  peer->result = atollScatter(peer->rank == 0 ? peer->send : NULL, peer->receive, peer->count,
                              atollFloat32, peer->ids[0], peer->comm, NULL, &peer->info);
  return NULL;
}

/* Bits that differ from peer to peer, and wrap into the sign. */
static int32_t bits(uint32_t rank, uint64_t element) {
  return (int32_t)((uint32_t)element * 2654435761u + (rank + 1) * 0x9E3779B9u);
}

static int32_t combined(atollRedOp_t op, uint64_t element) {
  const int32_t a = bits(0, element), b = bits(1, element), c = bits(2, element);
  return op == atollBitAnd ? (a & b & c) : op == atollBitOr ? (a | b | c) : (a ^ b ^ c);
}

static void* bitwise(void* argument) {
  Peer* peer = (Peer*)argument;
  int32_t* in = (int32_t*)peer->send;
  int32_t* out = (int32_t*)peer->receive;
  const uint64_t all = kPeers * peer->count;
  int op;
  for (op = atollBitAnd; op <= atollBitXor; ++op) {
    const atollRedOp_t one = (atollRedOp_t)op;
    uint64_t i;
    for (i = 0; i < all; ++i) in[i] = bits(peer->rank, i);
    CHECK_OK(atollAllReduce(in, out, all, atollInt32, one, peer->comm, NULL, &peer->info));
    for (i = 0; i < all; ++i) CHECK(out[i] == combined(one, i));
    CHECK_OK(atollReduceScatter(in, out, peer->count, atollInt32, one, peer->comm, NULL, NULL));
    for (i = 0; i < peer->count; ++i) {
      CHECK(out[i] == combined(one, peer->rank * peer->count + i));
    }
    CHECK_OK(atollReduce(in, out, all, atollInt32, one, peer->ids[1], peer->comm, NULL, NULL));
    for (i = 0; i < all && peer->rank == 1; ++i) CHECK(out[i] == combined(one, i));
  }
  return NULL;
}

/* To the next, from the one before, at once. */
static void* shift(void* argument) {
  Peer* peer = (Peer*)argument;
  atollRequest_t request = NULL;
  atollResult_t sent;
  peer->result = atollSendAsync(peer->send, peer->count, atollFloat32,
                                peer->ids[(peer->rank + 1) % kPeers], peer->comm, NULL, &request);
  if (peer->result != atollSuccess) return NULL;
  peer->result = atollRecv(peer->receive, peer->count, atollFloat32,
                           peer->ids[(peer->rank + 2) % kPeers], peer->comm, NULL, &peer->info);
  sent = atollWait(request, NULL);
  if (peer->result == atollSuccess) peer->result = sent;
  return NULL;
}

static void* barrier(void* argument) {
  Peer* peer = (Peer*)argument;
  atollRequest_t request = NULL;
  peer->result = atollBarrierAsync(peer->comm, NULL, &request);
  if (peer->result == atollSuccess) peer->result = atollWait(request, NULL);
  return NULL;
}

static void results_are_right(uint64_t count) {
  uint64_t i, b;
  int p;
  for (p = 0; p < 2; ++p) {
    const int in_place = p;
    int q;
    together(reduce_scatter, count, in_place);
    for (q = 0; q < kPeers; ++q) {
      const uint64_t begin = peers[q].rank * count;
      const float* out = in_place ? peers[q].send + begin : peers[q].receive;
      for (i = 0; i < count; ++i) CHECK(out[i] == sum_of(begin + i));
      CHECK_EQUAL(peers[q].info.contributors, kPeers);
    }
    together(all_gather, count, in_place);
    for (q = 0; q < kPeers; ++q) {
      for (b = 0; b < kPeers; ++b) {
        for (i = 0; i < count; ++i) CHECK(peers[q].receive[b * count + i] == value((uint32_t)b, i));
      }
    }
    together(reduce, count, in_place);
    for (q = 0; q < kPeers; ++q) {
      const float* out = in_place ? peers[q].send : peers[q].receive;
      for (i = 0; i < count; ++i) {
        if (peers[q].rank == 1) CHECK(out[i] == sum_of(i));
        else CHECK(peers[q].send[i] == value(peers[q].rank, i));
      }
    }
  }
  together(gather, count, 0);
  for (p = 0; p < kPeers; ++p) {
    if (peers[p].rank != 2) continue;
    for (b = 0; b < kPeers; ++b) {
      for (i = 0; i < count; ++i) CHECK(peers[p].receive[b * count + i] == value((uint32_t)b, i));
    }
  }
  together(scatter, count, 0);
  for (p = 0; p < kPeers; ++p) {
    for (i = 0; i < count; ++i) {
      CHECK(peers[p].receive[i] == value(0, peers[p].rank * count + i));
    }
  }
  together(shift, count, 0);
  for (p = 0; p < kPeers; ++p) {
    for (i = 0; i < count; ++i) {
      CHECK(peers[p].receive[i] == value((peers[p].rank + 2) % kPeers, i));
    }
  }
  together(barrier, 0, 0);
  together(bitwise, count, 0);
}

static void bad_arguments_are_refused(void) {
  atollComm_t comm = peers[0].comm;
  float* buffer = peers[0].send;
  const uint64_t self = peers[0].ids[peers[0].rank];
  const uint64_t other = peers[0].ids[(peers[0].rank + 1) % kPeers];
  CHECK_RESULT(atollReduceScatter(NULL, buffer, 1, atollFloat32, atollSum, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollReduceScatter(buffer, buffer + 3 * kPeers - 1, 3, atollFloat32, atollSum, comm,
                                  NULL, NULL), atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "overlap") != NULL);
  CHECK_RESULT(atollAllGather(buffer, NULL, 1, atollFloat32, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollAllGather(buffer, buffer + kMost, UINT64_MAX / 2, atollFloat32, comm, NULL,
                              NULL), atollInvalidArgument);
  CHECK_RESULT(atollReduce(buffer, NULL, 1, atollFloat32, atollSum, self, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollReduce(buffer, buffer, 1, atollFloat32, (atollRedOp_t)9, self, comm, NULL,
                           NULL), atollInvalidArgument);
  CHECK_RESULT(atollAllReduce(buffer, buffer, 1, atollFloat32, atollBitAnd, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK(strstr(atollGetLastError(), "bit-and") != NULL);
  CHECK(strstr(atollGetLastError(), "float32") != NULL);
  CHECK_RESULT(atollReduceScatter(buffer, buffer + kMost, 1, atollBfloat16, atollBitOr, comm, NULL,
                                  NULL), atollInvalidArgument);
  CHECK_RESULT(atollReduce(buffer, buffer, 1, atollFloat64, atollBitXor, self, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollGather(buffer, NULL, 1, atollFloat32, self, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollScatter(NULL, buffer, 1, atollFloat32, self, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollSend(NULL, 1, atollFloat32, other, comm, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollSend(buffer, 1, atollFloat32, self, comm, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollRecv(NULL, 1, atollFloat32, other, comm, NULL, NULL), atollInvalidArgument);
  CHECK_RESULT(atollRecv(buffer, 1, (atollDataType_t)77, other, comm, NULL, NULL),
               atollInvalidArgument);
  CHECK_RESULT(atollSend(buffer, 1, atollFloat32, 12345, comm, NULL, NULL), atollPeerLost);
  CHECK_RESULT(atollAllGatherAsync(buffer, buffer, 1, atollFloat32, comm, NULL, NULL),
               atollInvalidArgument);
}

static void nothing_is_known_before_an_update(const LocalRun* run) {
  atollComm_t comm = local_run_connect(run, "early");
  CHECK_RESULT(atollAllGather(peers[0].send, peers[0].receive, 1, atollFloat32, comm, NULL, NULL),
               atollNotConnected);
  CHECK_RESULT(atollSend(peers[0].send, 1, atollFloat32, 1, comm, NULL, NULL), atollNotConnected);
  CHECK_OK(atollCommDestroy(comm));
}

int main(void) {
  LocalRun run = local_run_start(kPeers);
  const size_t values = (size_t)kPeers * kMost;
  float* buffers = (float*)calloc(2 * kPeers * values, sizeof(float));
  pthread_t threads[kPeers];
  int p;
  if (buffers == NULL) return 1;
  memset(peers, 0, sizeof(peers));
  for (p = 0; p < kPeers; ++p) {
    peers[p].comm = local_run_connect(&run, p == 0 ? "one" : p == 1 ? "two" : "three");
    peers[p].send = buffers + 2 * (size_t)p * values;
    peers[p].receive = peers[p].send + values;
  }
  nothing_is_known_before_an_update(&run);
  for (p = 0; p < kPeers; ++p) {
    if (pthread_create(&threads[p], NULL, join, &peers[p]) != 0) return 1;
  }
  for (p = 0; p < kPeers; ++p) {
    pthread_join(threads[p], NULL);
    CHECK_OK(peers[p].result);
  }
  results_are_right(0);
  results_are_right(5);
  results_are_right(2000);  /* some with a verdict, some without */
  results_are_right(kMost); /* all with one */
  bad_arguments_are_refused();
  for (p = 0; p < kPeers; ++p) CHECK_OK(atollCommDestroy(peers[p].comm));
  free(buffers);
  local_run_stop(&run);
  return check_status();
}
