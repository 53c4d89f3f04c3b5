/* All calls with a world of one: results are the input, bit for bit. */
#include <sched.h>
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 301, kBytes = kCount * 8 };

static const size_t kElementBytes[] = {1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8};

/* Numbers of the type, none of them a NaN: for floats the exponent's top bit is cleared. */
static void fill(unsigned char* bytes, atollDataType_t type, uint32_t seed) {
  const size_t width = kElementBytes[type];
  size_t i;
  for (i = 0; i < kBytes; ++i) {
    bytes[i] = (unsigned char)(next_random(&seed) | 1u);
    if (type >= atollFloat16 && i % width == width - 1) bytes[i] &= 0x3Fu;
  }
}

static void all_reduce_keeps_every_type(atollComm_t comm) {
  unsigned char source[kBytes], target[kBytes];
  int type, op;
  for (type = atollInt8; type <= atollFloat64; ++type) {
    for (op = atollSum; op <= (type < atollFloat16 ? atollBitXor : atollMax); ++op) {
      const size_t bytes = kCount * kElementBytes[type];
      atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
      uint64_t contributor = 0, self = 0;
      info.contributor_ids = &contributor;
      info.contributor_capacity = 1;
      fill(source, (atollDataType_t)type, (uint32_t)(17 + type * 8 + op));
      memset(target, 0xA5, sizeof(target));
      CHECK_OK(atollAllReduce(source, target, kCount, (atollDataType_t)type, (atollRedOp_t)op, comm,
                              NULL, &info));
      CHECK(memcmp(source, target, bytes) == 0);
      CHECK(bytes == kBytes || target[bytes] == 0xA5);
      CHECK_OK(atollGetAttribute(comm, atollAttributePeer, &self));
      CHECK_EQUAL(info.contributors, 1);
      CHECK_EQUAL(info.attempts, 1);
      CHECK_EQUAL(contributor, self);
      CHECK_OK(atollAllReduce(target, target, kCount, (atollDataType_t)type, (atollRedOp_t)op, comm,
                              NULL, NULL));
      CHECK(memcmp(source, target, bytes) == 0);
    }
  }
}

/* Of a program that was compiled when the info had no weights, memory behind it stays as it is. */
static void an_older_info_is_not_outgrown(atollComm_t comm) {
  struct {
    atollOpInfo_t info;
    double weight;
  } given = {ATOLL_OP_INFO_INITIALIZER, -1.0};
  float value = 3.0f;
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.weight = 0.25;
  given.info.contributor_capacity = 1;
  given.info.contributor_weights = &given.weight;
  given.info.size = offsetof(atollOpInfo_t, contributor_weights);
  CHECK_OK(atollAllReduce(&value, &value, 1, atollFloat32, atollAvg, comm, &options, &given.info));
  CHECK(given.weight == -1.0 && given.info.total_weight == 0.25);
  given.info.size = sizeof(given.info);
  CHECK_OK(atollAllReduce(&value, &value, 1, atollFloat32, atollAvg, comm, &options, &given.info));
  CHECK(given.weight == 0.25 && value == 3.0f);
  CHECK_OK(atollAllReduce(&value, &value, 1, atollFloat32, atollSum, comm, NULL, &given.info));
  CHECK(given.weight == 1.0);
}

static void nothing_can_be_reduced(atollComm_t comm) {
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  double weight = -1.0;
  info.contributor_weights = &weight;
  CHECK_OK(atollAllReduce(NULL, NULL, 0, atollFloat32, atollAvg, comm, NULL, &info));
  CHECK_EQUAL(info.contributors, 1);
  CHECK(weight == -1.0); /* without capacity nothing is written */
  info.contributor_capacity = 1;
  CHECK_OK(atollAllReduce(NULL, NULL, 0, atollFloat32, atollAvg, comm, NULL, &info));
  CHECK(weight == 0.0 && info.total_weight == 0.0);
  CHECK_OK(atollAllReduceBatch(NULL, 0, atollFloat32, atollSum, comm, NULL, NULL));
}

static void the_reserved_tag_is_refused(atollComm_t comm) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  int32_t value = 7;
  options.group = atollGroupAll;
  options.tag = UINT64_MAX;
  CHECK_EQUAL(atollAllReduce(&value, &value, 1, atollInt32, atollSum, comm, &options, NULL),
              atollInvalidArgument);
  CHECK_EQUAL(value, 7);
  CHECK_OK(atollUpdate(comm, NULL));
}

static void a_batch_is_several_tensors(atollComm_t comm) {
  int32_t first[3] = {5, -6, 7}, second[2] = {8, 9};
  int32_t first_result[3] = {0, 0, 0};
  atollTensor_t tensors[3];
  tensors[0].sendbuff = first;
  tensors[0].recvbuff = first_result;
  tensors[0].count = 3;
  tensors[1].sendbuff = NULL;
  tensors[1].recvbuff = NULL;
  tensors[1].count = 0;
  tensors[2].sendbuff = second;
  tensors[2].recvbuff = second;
  tensors[2].count = 2;
  CHECK_OK(atollAllReduceBatch(tensors, 3, atollInt32, atollSum, comm, NULL, NULL));
  CHECK(memcmp(first, first_result, sizeof(first)) == 0);
  CHECK(second[0] == 8 && second[1] == 9);
}

static void broadcast_and_barrier(atollComm_t comm) {
  uint64_t self = 0;
  int64_t source[2] = {-11, 12}, target[2] = {0, 0};
  CHECK_OK(atollGetPeerAt(comm, 0, &self));
  CHECK_OK(atollBroadcast(source, target, 2, atollInt64, self, comm, NULL, NULL));
  CHECK(target[0] == -11 && target[1] == 12);
  CHECK_OK(atollBarrier(comm, NULL));
}

static void async_calls_end_once(atollComm_t comm) {
  float source[3] = {1.5f, -2.5f, 3.5f}, target[3] = {0, 0, 0}, tested[3] = {0, 0, 0};
  atollRequest_t request = NULL;
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  atollResult_t result;
  CHECK_OK(atollAllReduceAsync(source, target, 3, atollFloat32, atollSum, comm, NULL, &request));
  CHECK_OK(atollWait(request, &info));
  CHECK_EQUAL(info.contributors, 1);
  CHECK(memcmp(source, target, sizeof(source)) == 0);
  CHECK_OK(atollAllReduceAsync(source, tested, 3, atollFloat32, atollSum, comm, NULL, &request));
  while ((result = atollTest(request, &info)) == atollInProgress) sched_yield();
  CHECK_OK(result);
  CHECK(memcmp(source, tested, sizeof(source)) == 0);
  CHECK_OK(atollAllReduceAsync(source, target, 3, atollFloat32, atollSum, comm, NULL, &request));
  CHECK_OK(atollCancel(request));
  result = atollWait(request, NULL);
  CHECK(result == atollSuccess || result == atollCancelled);
}

static void the_view_is_told(atollComm_t comm) {
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  uint64_t value = 0;
  CHECK_OK(atollUpdate(comm, NULL));
  CHECK_OK(atollGetView(comm, &view));
  CHECK(view.peer != 0 && view.epoch != 0);
  CHECK_EQUAL(view.world, 1);
  CHECK_EQUAL(view.rank, 0);
  CHECK_EQUAL(view.replicas, 1);
  CHECK_EQUAL(view.lost, 0);
  CHECK_OK(atollGetAttribute(comm, atollAttributeWorld, &value));
  CHECK_EQUAL(value, 1);
  CHECK_OK(atollGetAttribute(comm, atollAttributeListeningPort, &value));
  CHECK(value > 0 && value < 65536);
}

static void a_peer_that_left_can_come_again(atollComm_t comm) {
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  CHECK_OK(atollCommLeave(comm));
  CHECK_RESULT(atollBarrier(comm, NULL), atollNotConnected);
  CHECK_OK(atollCommConnect(comm));
  CHECK_OK(atollUpdate(comm, &view));
  CHECK_EQUAL(view.world, 1);
  CHECK_OK(atollBarrier(comm, NULL));
}

int main(void) {
  LocalRun run = local_run_start(1);
  atollComm_t comm = local_run_join_alone(&run);
  all_reduce_keeps_every_type(comm);
  nothing_can_be_reduced(comm);
  an_older_info_is_not_outgrown(comm);
  the_reserved_tag_is_refused(comm);
  a_batch_is_several_tensors(comm);
  broadcast_and_barrier(comm);
  async_calls_end_once(comm);
  the_view_is_told(comm);
  a_peer_that_left_can_come_again(comm);
  CHECK_OK(atollCommDestroy(comm));
  local_run_stop(&run);
  return check_status();
}
