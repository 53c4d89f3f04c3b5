/* A newcomer that follows the state of the members before it is let in. */
#include <string.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 3000000 }; /* 12 chunks */

typedef struct {
  atollComm_t comm;
  atollState_t state;
  float* values;
  uint64_t revision; /* what is in them */
  atollSyncInfo_t sync;
} Peer;

static Peer peer_with_state(const LocalRun* run, const char* name) {
  Peer peer = {NULL, NULL, NULL, 0, ATOLL_SYNC_INFO_INITIALIZER};
  peer.comm = local_run_connect(run, name);
  peer.values = (float*)calloc(kCount, sizeof(float));
  CHECK(peer.values != NULL);
  CHECK_OK(atollStateCreate(&peer.state));
  CHECK_OK(atollStateAddTensor(peer.state, "w", peer.values, atollFloat32, kCount));
  return peer;
}

static void peer_destroy(Peer* peer) {
  CHECK_OK(atollStateDestroy(peer->state));
  CHECK_OK(atollCommDestroy(peer->comm));
  free(peer->values);
}

static float value_at(uint64_t revision, int i) { return (float)(revision * 1000 + i % 997); }

static void publish_next(Peer* peer) {
  int i;
  ++peer->revision;
  for (i = 0; i < kCount; ++i) peer->values[i] = value_at(peer->revision, i);
  CHECK_OK(atollStatePublish(peer->state, peer->revision));
}

static void* let_in(void* argument) {
  Peer* peer = (Peer*)argument;
  CHECK_OK(atollUpdate(peer->comm, NULL));
  CHECK_OK(atollStateGetRevision(peer->state, &peer->revision));
  CHECK_OK(atollSyncState(peer->comm, peer->state, NULL, &peer->sync));
  return NULL;
}

static void both_hold(const Peer* one, const Peer* other, uint64_t revision) {
  uint64_t held = 0;
  CHECK_OK(atollStateGetRevision(other->state, &held));
  CHECK_EQUAL(held, revision);
  CHECK_EQUAL(other->values[kCount - 1], value_at(revision, kCount - 1));
  CHECK(memcmp(one->values, other->values, kCount * sizeof(float)) == 0);
}

/* The member only waits for others; the newcomer has all when it is let in. */
static void has_the_state_when_it_is_let_in(void) {
  LocalRun run = local_run_start(1);
  Peer member = peer_with_state(&run, "member");
  Peer newcomer;
  pthread_t thread;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  CHECK_OK(atollUpdate(member.comm, NULL));
  publish_next(&member);
  CHECK_OK(atollSyncState(member.comm, member.state, NULL, NULL));
  newcomer = peer_with_state(&run, "newcomer");
  CHECK_OK(atollFollowState(newcomer.comm, newcomer.state, NULL));
  if (pthread_create(&thread, NULL, let_in, &newcomer) != 0) exit(1);
  while (view.world < 2 && check_failures == 0) CHECK_OK(atollUpdate(member.comm, &view));
  CHECK_OK(atollSyncState(member.comm, member.state, NULL, &member.sync));
  pthread_join(thread, NULL);
  CHECK_EQUAL(newcomer.revision, 1);
  CHECK_EQUAL(newcomer.sync.bytes_received, 0);
  CHECK_EQUAL(member.sync.bytes_sent, 0);
  both_hold(&member, &newcomer, 1);
  peer_destroy(&newcomer);
  peer_destroy(&member);
  local_run_stop(&run);
}

/* The member writes as soon as it may. Whatever was on its way then is cut; what the newcomer has
 * in the end is one revision, not a mixture. */
static void is_cut_by_each_write_and_level_after_a_sync(void) {
  LocalRun run = local_run_start(1);
  Peer member = peer_with_state(&run, "member");
  Peer newcomer;
  pthread_t thread;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollFollowOptions_t options = ATOLL_FOLLOW_OPTIONS_INITIALIZER;
  CHECK_OK(atollUpdate(member.comm, NULL));
  publish_next(&member);
  newcomer = peer_with_state(&run, "newcomer");
  options.level_timeout_ms = 300;
  CHECK_OK(atollFollowState(newcomer.comm, newcomer.state, &options));
  if (pthread_create(&thread, NULL, let_in, &newcomer) != 0) exit(1);
  for (;;) {
    CHECK_OK(atollSyncState(member.comm, member.state, NULL, NULL));
    CHECK_OK(atollUpdate(member.comm, &view));
    if (view.world == 2 || check_failures != 0) break;
    CHECK_OK(atollStateBeginWrite(member.state));
    publish_next(&member);
  }
  CHECK_OK(atollSyncState(member.comm, member.state, NULL, NULL));
  pthread_join(thread, NULL);
  both_hold(&member, &newcomer, member.revision);
  peer_destroy(&newcomer);
  peer_destroy(&member);
  local_run_stop(&run);
}

static void wrong_use_is_told(void) {
  LocalRun run = local_run_start(1);
  atollComm_t comm = NULL;
  atollState_t state = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  CHECK_OK(atollStateCreate(&state));
  config.coordinator = run.address;
  CHECK_OK(atollCommCreate(&comm, &config));
  CHECK_RESULT(atollFollowState(comm, state, NULL), atollNotConnected);
  CHECK_OK(atollCommConnect(comm));
  CHECK_RESULT(atollFollowState(NULL, state, NULL), atollInvalidArgument);
  CHECK_RESULT(atollFollowState(comm, NULL, NULL), atollInvalidArgument);
  CHECK_OK(atollFollowState(comm, state, NULL));
  CHECK_OK(atollStateBeginWrite(state));
  CHECK_RESULT(atollUpdate(comm, NULL), atollInvalidUsage);
  CHECK_OK(atollStatePublish(state, 1));
  CHECK_OK(atollUpdate(comm, NULL));
  CHECK_RESULT(atollFollowState(comm, state, NULL), atollInvalidUsage);
  CHECK_OK(atollSyncState(comm, state, NULL, NULL));
  CHECK_OK(atollCommDestroy(comm));
  CHECK_OK(atollStateBeginWrite(state)); /* the session that served it is gone */
  CHECK_OK(atollStateDestroy(state));
  local_run_stop(&run);
}

int main(void) {
  has_the_state_when_it_is_let_in();
  is_cut_by_each_write_and_level_after_a_sync();
  wrong_use_is_told();
  return check_status();
}
