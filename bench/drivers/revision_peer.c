/* A peer that does nothing but count: its state is a small tensor, and each step makes the next
 * revision of it. bench/who_drives.py builds it and reads what it prints:
 *
 *   revision_peer --coordinator ADDRESS[,ADDRESS] --name NAME --revision REVISION [--run RUN]
 *                 [--step-ms 100]
 *
 *   synced REVISION with WORLD   all of the WORLD peers of the view hold this revision. Printed for
 *                                the first one and whenever either number has changed
 *   left CODE SENTENCE           a result of 3xx: it connects again, as that asks for
 *   refused CODE SENTENCE        a result of 1xx from connecting or updating; exit code 3
 *   failed CODE SENTENCE         a result of 2xx: it goes on. Any other: exit code 4
 *   torn REVISION                the bytes are not those of the revision; exit code 5
 *
 * It begins with the revision that it was given. After 20 times `left` it gives up with exit code
 * 6. SIGTERM makes it leave in an orderly way, after the step that it is in, with exit code 0. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "atoll/atoll.h"

enum { kElements = 1024, kDeparturesMax = 20 };
enum { kExitUsage = 2, kExitRefused = 3, kExitFailed = 4, kExitTorn = 5, kExitGaveUp = 6 };

typedef struct {
  const char* coordinator;
  const char* name;
  const char* run;
  uint64_t revision;
  long step_ms;
} Options;

typedef struct {
  Options options;
  atollComm_t comm;
  atollState_t state;
  uint64_t elements[kElements];
  uint64_t printed_revision;
  uint32_t printed_world; /* 0: nothing was printed */
  int is_connected;
  unsigned departures;
} Peer;

static volatile sig_atomic_t is_asked_to_leave = 0;

static void ask_to_leave(int signal_number) {
  (void)signal_number;
  is_asked_to_leave = 1;
}

static void require(atollResult_t result, const char* what) {
  if (result == atollSuccess) return;
  fprintf(stderr, "revision_peer: %s: %s\n", what, atollGetLastError());
  exit(kExitFailed);
}

static void pause_for_a_step(const Peer* peer) {
  struct timespec step;
  step.tv_sec = peer->options.step_ms / 1000;
  step.tv_nsec = peer->options.step_ms % 1000 * 1000000;
  nanosleep(&step, NULL);
}

static void print_error(const char* word, atollResult_t result) {
  printf("%s %d %s\n", word, (int)result, atollGetLastError());
  fflush(stdout);
}

/* ---- the state ------------------------------------------------------------------------------- */

/* Every element of a revision is its number, so that each peer can check what it was sent. */
static void write_revision(Peer* peer, uint64_t revision) {
  unsigned index;
  require(atollStateBeginWrite(peer->state), "begin to write");
  for (index = 0; index < kElements; ++index) peer->elements[index] = revision;
  require(atollStatePublish(peer->state, revision), "publish");
}

static void check_and_print(Peer* peer, uint64_t revision, uint32_t world) {
  unsigned index;
  for (index = 0; index < kElements; ++index) {
    if (peer->elements[index] == revision) continue;
    printf("torn %" PRIu64 "\n", revision);
    exit(kExitTorn);
  }
  if (revision == peer->printed_revision && world == peer->printed_world) return;
  peer->printed_revision = revision;
  peer->printed_world = world;
  printf("synced %" PRIu64 " with %" PRIu32 "\n", revision, world);
  fflush(stdout);
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Says what has gone wrong. Returns if the peer may go on, after a short pause. */
static void overcome(Peer* peer, atollResult_t result, int is_sync) {
  if (result >= 300 && result < 400) {
    print_error("left", result);
    peer->is_connected = 0;
    if (++peer->departures >= kDeparturesMax) exit(kExitGaveUp);
  } else if (result < 200 && !is_sync) {
    print_error("refused", result);
    exit(kExitRefused);
  } else {
    print_error("failed", result);
    if (result < 200 || result >= 400) exit(kExitFailed);
  }
  pause_for_a_step(peer);
}

static void connect_to_run(Peer* peer) {
  atollResult_t result = atollCommConnect(peer->comm);
  if (result == atollSuccess)
    peer->is_connected = 1;
  else
    overcome(peer, result, 0);
}

/* One meeting of all, one sync, one new revision. */
static void step(Peer* peer) {
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollSyncInfo_t info = ATOLL_SYNC_INFO_INITIALIZER;
  atollResult_t result = atollUpdate(peer->comm, &view);
  if (result != atollSuccess) {
    overcome(peer, result, 0);
    return;
  }
  result = atollSyncState(peer->comm, peer->state, NULL, &info);
  if (result != atollSuccess) {
    overcome(peer, result, 1);
    return;
  }
  check_and_print(peer, info.revision, view.world);
  pause_for_a_step(peer);
  write_revision(peer, info.revision + 1);
}

/* ---- the command line ------------------------------------------------------------------------ */

static int parse(int count, char** words, Options* options) {
  int index;
  options->step_ms = 100;
  for (index = 1; index + 1 < count; index += 2) {
    const char* value = words[index + 1];
    if (strcmp(words[index], "--coordinator") == 0) options->coordinator = value;
    else if (strcmp(words[index], "--name") == 0) options->name = value;
    else if (strcmp(words[index], "--run") == 0) options->run = value;
    else if (strcmp(words[index], "--revision") == 0) options->revision = strtoull(value, NULL, 10);
    else if (strcmp(words[index], "--step-ms") == 0) options->step_ms = strtol(value, NULL, 10);
    else return 0;
  }
  return index == count && options->coordinator != NULL && options->name != NULL &&
         options->revision > 0 && options->step_ms >= 0;
}

static void set_up(Peer* peer) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = peer->options.coordinator;
  config.name = peer->options.name;
  config.run = peer->options.run;
  require(atollCommCreate(&peer->comm, &config), "create the communicator");
  require(atollStateCreate(&peer->state), "create the state");
  require(atollStateAddTensor(peer->state, "elements", peer->elements, atollUint64, kElements),
          "add the tensor");
  write_revision(peer, peer->options.revision);
}

int main(int count, char** words) {
  static Peer peer;
  struct sigaction action;
  if (!parse(count, words, &peer.options)) {
    fputs("usage: revision_peer --coordinator ADDRESS[,ADDRESS] --name NAME --revision REVISION "
          "[--run RUN] [--step-ms 100]\n", stderr);
    return kExitUsage;
  }
  memset(&action, 0, sizeof action);
  action.sa_handler = ask_to_leave;
  sigaction(SIGTERM, &action, NULL);
  set_up(&peer);
  while (!is_asked_to_leave) {
    if (peer.is_connected)
      step(&peer);
    else
      connect_to_run(&peer);
  }
  atollCommLeave(peer.comm);
  atollCommDestroy(peer.comm);
  atollStateDestroy(peer.state);
  return 0;
}
