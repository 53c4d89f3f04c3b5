/* Calls with ATOLL_KEEP_COMPLETED_SEGMENTS of three peers, one of which goes in the middle. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kPeers = 3, kCount = 16000000, kRanges = 4, kIds = 16 };

typedef struct {
  atollComm_t comm;
  uint64_t id;
  float* data;
  atollRequest_t request;
  atollResult_t result;
  atollOpRange_t ranges[kRanges];
  uint64_t ids[kIds];
  atollOpInfo_t info;
} Peer;

static void* join(void* argument) {
  Peer* peer = (Peer*)argument;
  peer->result = atollUpdate(peer->comm, NULL);
  return NULL;
}

static void begin(Peer* peer, int number) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  const atollOpInfo_t empty = ATOLL_OP_INFO_INITIALIZER;
  int i;
  options.flags = ATOLL_KEEP_COMPLETED_SEGMENTS;
  for (i = 0; i < kCount; ++i) peer->data[i] = (float)(i % 1000 + 1000 * number);
  peer->info = empty;
  peer->info.ranges = peer->ranges;
  peer->info.range_capacity = kRanges;
  peer->info.contributor_ids = peer->ids;
  peer->info.contributor_capacity = kIds;
  CHECK_OK(atollAllReduceAsync(peer->data, peer->data, kCount, atollFloat32, atollSum, peer->comm,
                               &options, &peer->request));
}

static uint64_t attribute(const Peer* peer, atollAttribute_t which) {
  uint64_t value = 0;
  CHECK_OK(atollGetAttribute(peer->comm, which, &value));
  return value;
}

static int contributes(const Peer* peer, const atollOpRange_t* range, uint64_t id) {
  uint32_t i;
  for (i = 0; i < range->contributors; ++i) {
    if (peer->ids[range->first_contributor + i] == id) return 1;
  }
  return 0;
}

/* Each element is the sum of those that its range names. */
static void check_ranges(const Peer peers[kPeers], const Peer* peer) {
  uint64_t element = 0;
  uint32_t r;
  int wrong = 0;
  CHECK(peer->info.range_count >= 1 && peer->info.range_count <= kRanges);
  for (r = 0; r < peer->info.range_count; ++r) {
    const atollOpRange_t* range = &peer->ranges[r];
    int i;
    float base = 0, times = 0;
    CHECK(range->first_contributor + range->contributors <= kIds);
    CHECK(range->total_weight == (double)range->contributors);
    for (i = 0; i < kPeers; ++i) {
      if (!contributes(peer, range, peers[i].id)) continue;
      base += (float)(1000 * i);
      times += 1;
    }
    CHECK(times == (float)range->contributors);
    for (; element < range->end; ++element) {
      if (peer->data[element] != base + times * (float)(element % 1000)) ++wrong;
    }
  }
  CHECK_EQUAL(wrong, 0);
  CHECK_EQUAL(element, kCount);
  CHECK_EQUAL(peer->ranges[peer->info.range_count - 1].contributors, peer->info.contributors);
  CHECK_EQUAL(peer->ranges[peer->info.range_count - 1].first_contributor, 0);
}

static void nobody_dies(Peer peers[kPeers]) {
  int i;
  for (i = 0; i < kPeers; ++i) begin(&peers[i], i);
  for (i = 0; i < kPeers; ++i) {
    CHECK_OK(atollWait(peers[i].request, &peers[i].info));
    CHECK_EQUAL(peers[i].info.range_count, 1);
    check_ranges(peers, &peers[i]);
    /* 24 segments of 256 KiB for each peer, and no more. */
    CHECK(attribute(&peers[i], atollAttributeInputBackupPeakBytes) <= 24u * kPeers * (256u << 10));
    CHECK(attribute(&peers[i], atollAttributeInputBackupPeakBytes) > 0);
  }
}

/* The last peer leaves when it has sent and received a part of the data. */
static void one_goes_in_the_middle(Peer peers[kPeers]) {
  const struct timespec pause = {0, 1000000};
  uint64_t before;
  int i, over = 0;
  for (i = 0; i < kPeers; ++i) begin(&peers[i], i);
  before = attribute(&peers[2], atollAttributeBytesReceived);
  while (!over && attribute(&peers[2], atollAttributeBytesReceived) < before + (16u << 20)) {
    nanosleep(&pause, NULL);
    over = atollTest(peers[2].request, NULL) != atollInProgress;
  }
  CHECK_OK(atollCommAbort(peers[2].comm));
  if (!over) (void)atollWait(peers[2].request, NULL); /* it may have ended meanwhile */
  for (i = 0; i < 2; ++i) {
    CHECK_OK(atollWait(peers[i].request, &peers[i].info));
    check_ranges(peers, &peers[i]);
    CHECK(memcmp(peers[i].ranges, peers[0].ranges, peers[0].info.range_count *
                 sizeof(atollOpRange_t)) == 0);
  }
  CHECK(memcmp(peers[0].data, peers[1].data, sizeof(float) * kCount) == 0);
  CHECK(peers[0].info.range_count == 1 || peers[0].ranges[0].contributors == 3);
  printf("%u ranges, the first ends at %llu of %d\n", peers[0].info.range_count,
         (unsigned long long)peers[0].ranges[0].end, (int)kCount);
}

int main(void) {
  static Peer peers[kPeers];
  pthread_t threads[kPeers];
  LocalRun run = local_run_start(kPeers);
  int i;
  for (i = 0; i < kPeers; ++i) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    config.coordinator = run.address;
    peers[i].data = (float*)malloc(sizeof(float) * kCount);
    if (peers[i].data == NULL) return 1;
    CHECK_OK(atollCommCreate(&peers[i].comm, &config));
    CHECK_OK(atollCommConnect(peers[i].comm));
    if (pthread_create(&threads[i], NULL, join, &peers[i]) != 0) return 1;
  }
  for (i = 0; i < kPeers; ++i) {
    pthread_join(threads[i], NULL);
    CHECK_OK(peers[i].result);
    peers[i].id = attribute(&peers[i], atollAttributePeer);
  }
  nobody_dies(peers);
  one_goes_in_the_middle(peers);
  for (i = 0; i < kPeers; ++i) {
    CHECK_OK(atollCommDestroy(peers[i].comm));
    free(peers[i].data);
  }
  local_run_stop(&run);
  return check_status();
}
