/* Processes that fork and exec beside a run: a child keeps nothing of its parent's sockets, is told
 * whose the handles are that it inherited, and makes its own; the parent goes on as if alone. */
#include "atoll/atoll.h"
#include "support/check.h"
#include "support/forks.h"
#include "support/pair.h"

static void update_all(atollComm_t* comms, int count) {
  pthread_t threads[4];
  int i;
  for (i = 0; i < count; ++i) {
    if (pthread_create(&threads[i], NULL, pair_meet, comms[i]) != 0) exit(1);
  }
  for (i = 0; i < count; ++i) pthread_join(threads[i], NULL);
}

/* ---- two members of a run whose coordinator keeps a folder ---------------------------------- */

static char folder[64];

static Pair start_pair(void) {
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  strcpy(folder, "/tmp/atoll-fork-XXXXXX");
  if (mkdtemp(folder) == NULL) exit(1);
  config.min_replicas = 2;
  config.new_run = 1;
  config.state_dir = folder;
  return pair_start_with(NULL, &config);
}

static void stop_pair(Pair* pair) {
  pair_stop(pair);
  remove_folder(folder);
}

/* ---- cases ----------------------------------------------------------------------------------- */

static void every_descriptor_is_closed_on_exec(void) {
  const Descriptors before = descriptors_now();
  Pair pair = start_pair();
  CHECK_OK(atollInstallDumpSignal(SIGUSR1));
  pair_expect_work(&pair);
  CHECK(count_since(&before, "socket:", 0) >= 7); /* 3 listen, 2 × 2 control ends, 2 data ends */
  CHECK(count_since(&before, "", 1) == 0);
  stop_pair(&pair);
}

/* Pipes may be left: libuv, the coordinator's loop, makes one of its own in each child. */
static void a_child_closes_what_it_inherits(void) {
  const Descriptors before = descriptors_now();
  Pair pair = start_pair();
  pid_t child;
  pair_expect_work(&pair);
  child = fork_child();
  if (child == 0) {
    CHECK_EQUAL(count_since(&before, "socket:", 0), 0);
    CHECK_EQUAL(count_since(&before, "anon_inode:", 0), 0); /* epoll, timers, events */
    CHECK_EQUAL(count_since(&before, folder, 0), 0);        /* the folder and its lock */
    _exit(check_status());
  }
  expect_good_end(child, "closing");
  pair_expect_work(&pair);
  stop_pair(&pair);
}

/* Numbers that the library no longer uses may have become anybody's. */
static void a_child_keeps_what_is_not_the_librarys(void) {
  const Descriptors before = descriptors_now();
  Pair pair = start_pair();
  int others[256], i, count = 0;
  pid_t child;
  pair_expect_work(&pair);
  stop_pair(&pair);
  /* All numbers below those that the library had are taken, by files, pipes and sockets. */
  while (count + 2 <= 128) {
    if (pipe(&others[count]) != 0) exit(1);
    count += 2;
  }
  pair = start_pair();
  child = fork_child();
  if (child == 0) {
    for (i = 0; i < count; ++i) CHECK(fcntl(others[i], F_GETFD) >= 0);
    CHECK_EQUAL(count_since(&before, "socket:", 0), 0);
    _exit(check_status());
  }
  expect_good_end(child, "keeping");
  for (i = 0; i < count; ++i) close(others[i]);
  stop_pair(&pair);
}

typedef struct {
  Pair* pair;
  atollState_t state;
  atollDiloco_t diloco;
  atollRequest_t request;
  char parent[16];
} Inherited;

static void expect_refused(atollResult_t result, const char* call, const char* parent) {
  check_result(__FILE__, __LINE__, call, result, atollInvalidUsage);
  if (result == atollInvalidUsage && strstr(atollGetLastError(), parent) != NULL) return;
  fprintf(stderr, "%s: process %s is not in '%s'\n", call, parent, atollGetLastError());
  ++check_failures;
}

#define CHECK_REFUSED(call) expect_refused(call, #call, all->parent)

static void expect_collectives_refused(const Inherited* all) {
  const atollComm_t comm = all->pair->comms[0];
  float in[4] = {1, 2, 3, 4}, out[4] = {0, 0, 0, 0};
  const atollTensor_t tensor = {in, out, 4};
  const uint64_t counts[2] = {1, 2};
  atollRequest_t request = NULL;
  CHECK_REFUSED(atollAllReduce(in, out, 4, atollFloat32, atollSum, comm, NULL, NULL));
  CHECK_REFUSED(atollAllReduceBatch(&tensor, 1, atollFloat32, atollSum, comm, NULL, NULL));
  CHECK_REFUSED(atollBroadcast(in, out, 4, atollFloat32, 1, comm, NULL, NULL));
  CHECK_REFUSED(atollReduceScatter(in, out, 2, atollFloat32, atollSum, comm, NULL, NULL));
  CHECK_REFUSED(atollAllGather(in, out, 2, atollFloat32, comm, NULL, NULL));
  CHECK_REFUSED(atollReduce(in, out, 4, atollFloat32, atollSum, 1, comm, NULL, NULL));
  CHECK_REFUSED(atollGather(in, out, 2, atollFloat32, 1, comm, NULL, NULL));
  CHECK_REFUSED(atollScatter(in, out, 2, atollFloat32, 1, comm, NULL, NULL));
  CHECK_REFUSED(atollSend(in, 4, atollFloat32, 1, comm, NULL, NULL));
  CHECK_REFUSED(atollRecv(out, 4, atollFloat32, 1, comm, NULL, NULL));
  CHECK_REFUSED(atollRecvAny(out, 4, atollFloat32, comm, NULL, NULL));
  CHECK_REFUSED(atollAllToAll(in, out, 2, atollFloat32, comm, NULL, NULL));
  CHECK_REFUSED(atollAllGatherV(in, out, counts, 2, atollFloat32, comm, NULL, NULL));
  CHECK_REFUSED(atollBarrier(comm, NULL));
  CHECK_REFUSED(atollOptimizeTopology(comm, NULL));
  CHECK_REFUSED(
      atollAllReduceAsync(in, out, 4, atollFloat32, atollSum, comm, NULL, &request));
  CHECK_REFUSED(atollBarrierAsync(comm, NULL, &request));
  CHECK(request == NULL);
  CHECK(out[0] == 0 && out[3] == 0);
}

static void expect_comm_refused(const Inherited* all) {
  const atollComm_t comm = all->pair->comms[0];
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  uint64_t number = 0;
  size_t size = 0;
  CHECK_REFUSED(atollCommConnect(comm));
  CHECK_REFUSED(atollCommLeave(comm));
  CHECK_REFUSED(atollCommAbort(comm));
  CHECK_REFUSED(atollUpdate(comm, &view));
  CHECK_REFUSED(atollGetView(comm, &view));
  CHECK_REFUSED(atollGetAttribute(comm, atollAttributeWorld, &number));
  CHECK_REFUSED(atollGetPeerAt(comm, 0, &number));
  CHECK_REFUSED(atollFormatState(comm, NULL, 0, &size));
  CHECK_REFUSED(atollDumpState(comm, NULL));
  CHECK_REFUSED(atollResetConnections(comm));
}

static void ignore_the_end(void* user) { (void)user; }

static void expect_others_refused(const Inherited* all) {
  const atollComm_t comm = all->pair->comms[0];
  float value = 1;
  uint64_t number = 0;
  const char* address = NULL;
  CHECK_REFUSED(atollWait(all->request, NULL));
  CHECK_REFUSED(atollTest(all->request, NULL));
  CHECK_REFUSED(atollNotify(all->request, ignore_the_end, NULL));
  CHECK_REFUSED(atollCancel(all->request));
  CHECK_REFUSED(atollStateAddTensor(all->state, "more", &value, atollFloat32, 1));
  CHECK_REFUSED(atollStateBeginWrite(all->state));
  CHECK_REFUSED(atollStatePublish(all->state, 9));
  CHECK_REFUSED(atollStateGetRevision(all->state, &number));
  CHECK_REFUSED(atollFollowState(comm, all->state, NULL));
  CHECK_REFUSED(atollSyncState(comm, all->state, NULL, NULL));
  CHECK_REFUSED(atollDilocoSync(all->diloco, comm, &value, NULL));
  CHECK_REFUSED(atollDilocoStep(all->diloco, comm, &value, NULL));
  CHECK_REFUSED(atollDilocoGetOuter(all->diloco, &value, &number));
  CHECK_REFUSED(atollCoordinatorGetAddress(all->pair->run.coordinator, &address));
  CHECK_REFUSED(atollCoordinatorRun(all->pair->run.coordinator));
  CHECK_REFUSED(atollCoordinatorStop(all->pair->run.coordinator));
}

static void expect_forgotten(const Inherited* all) {
  CHECK_OK(atollStateDestroy(all->state));
  CHECK_OK(atollDilocoDestroy(all->diloco));
  CHECK_OK(atollCommDestroy(all->pair->comms[0]));
  CHECK_OK(atollCommDestroy(all->pair->comms[1]));
  CHECK_OK(atollCoordinatorDestroy(all->pair->run.coordinator));
}

/* A state that both have synced: the first serves it, which destroying it would wait for. */
static void* sync_shared(void* argument) {
  const Inherited* shared = (const Inherited*)argument;
  CHECK_OK(atollSyncState(shared->pair->comms[0], shared->state, NULL, NULL));
  return NULL;
}

static void sync_both(Inherited* all, float* tensors) {
  pthread_t thread;
  atollState_t second = NULL;
  CHECK_OK(atollStateCreate(&all->state));
  CHECK_OK(atollStateCreate(&second));
  CHECK_OK(atollStateAddTensor(all->state, "w", &tensors[0], atollFloat32, 1));
  CHECK_OK(atollStateAddTensor(second, "w", &tensors[1], atollFloat32, 1));
  if (pthread_create(&thread, NULL, sync_shared, all) != 0) exit(1);
  CHECK_OK(atollSyncState(all->pair->comms[1], second, NULL, NULL));
  pthread_join(thread, NULL);
  CHECK_OK(atollStateDestroy(second));
}

static void a_child_is_told_whose_the_handles_are(void) {
  Pair pair = start_pair();
  Inherited all;
  float tensors[2] = {1, 1}, parameter = 1, in = 1, out = 0, value = 2;
  pid_t child;
  memset(&all, 0, sizeof(all));
  all.pair = &pair;
  snprintf(all.parent, sizeof(all.parent), "%ld", (long)getpid());
  sync_both(&all, tensors);
  CHECK_OK(atollDilocoCreate(&all.diloco, &parameter, 1, NULL));
  CHECK_OK(atollAllReduceAsync(&in, &out, 1, atollFloat32, atollSum, pair.comms[0], NULL,
                               &all.request)); /* the second has not called: it is in flight */
  child = fork_child();
  if (child == 0) {
    expect_comm_refused(&all);
    expect_collectives_refused(&all);
    expect_others_refused(&all);
    expect_forgotten(&all);
    CHECK(strcmp(pair.run.address, "") != 0); /* what a handle gave is still there */
    _exit(check_status());
  }
  expect_good_end(child, "handles");
  CHECK_OK(atollAllReduce(&value, &value, 1, atollFloat32, atollSum, pair.comms[1], NULL, NULL));
  CHECK_OK(atollWait(all.request, NULL));
  CHECK(out == 3 && value == 3);
  pair_expect_work(&pair);
  CHECK_OK(atollStateDestroy(all.state));
  CHECK_OK(atollDilocoDestroy(all.diloco));
  stop_pair(&pair);
}

/* The child of a member joins the run of its parent, as a peer of its own. */
static void a_child_makes_its_own(void) {
  Pair pair;
  pid_t child;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  PairMember members[2];
  pthread_t thread;
  int i;
  if (!kChildrenMayStartThreads) return;
  pair = start_pair();
  child = fork_child();
  if (child == 0) {
    PairMember own = {NULL, 10, 0};
    CHECK_OK(atollCommDestroy(pair.comms[0]));
    CHECK_OK(atollInstallDumpSignal(SIGUSR1));
    own.comm = local_run_connect(&pair.run, "child");
    CHECK_OK(atollUpdate(own.comm, NULL));
    pair_reduce(&own);
    CHECK(own.value == 13);
    CHECK_EQUAL(own.contributors, 3);
    CHECK_OK(atollCommDestroy(own.comm));
    exit(check_status()); /* with what it has not destroyed of its parent */
  }
  while (view.world != 3 && check_failures == 0) {
    update_all(pair.comms, 2);
    CHECK_OK(atollGetView(pair.comms[0], &view));
  }
  for (i = 0; i < 2; ++i) {
    members[i].comm = pair.comms[i];
    members[i].value = (float)(i + 1);
  }
  if (pthread_create(&thread, NULL, pair_reduce, &members[0]) != 0) exit(1);
  pair_reduce(&members[1]);
  pthread_join(thread, NULL);
  CHECK(members[0].value == 13 && members[1].value == 13);
  expect_good_end(child, "own communicator");
  update_all(pair.comms, 2);
  pair_expect_work(&pair);
  stop_pair(&pair);
}

/* ---- at any moment -------------------------------------------------------------------------- */

static int enough = 0;
static pthread_mutex_t enough_mutex = PTHREAD_MUTEX_INITIALIZER;

static int is_enough(int set) {
  int value;
  pthread_mutex_lock(&enough_mutex);
  if (set) enough = 1;
  value = enough;
  pthread_mutex_unlock(&enough_mutex);
  return value;
}

/* Listens, dials, is accepted, closes: all the time. */
static void* come_and_go(void* run) {
  do {
    atollComm_t comm = local_run_connect((const LocalRun*)run, "visitor");
    CHECK_OK(atollCommDestroy(comm));
  } while (!is_enough(0) && check_failures == 0);
  return NULL;
}

static void children_are_clean_at_any_moment(void) {
  enum { kChildren = 300 };
  const Descriptors before = descriptors_now();
  Pair pair = start_pair();
  pthread_t visitor;
  int i;
  if (pthread_create(&visitor, NULL, come_and_go, &pair.run) != 0) exit(1);
  for (i = 0; i < kChildren && check_failures == 0; ++i) {
    const pid_t child = fork_child();
    if (child == 0) {
      CHECK_EQUAL(count_since(&before, "socket:", 0), 0);
      CHECK_OK(atollCommDestroy(pair.comms[0]));
      _exit(check_status());
    }
    expect_good_end(child, "any moment");
  }
  is_enough(1);
  pthread_join(visitor, NULL);
  stop_pair(&pair);
}

static void a_process_may_exit_with_a_run_on(void) {
  const pid_t child = kChildrenMayStartThreads ? fork_child() : -1;
  if (child == 0) {
    Pair pair = start_pair();
    atollRequest_t request = NULL;
    static float values[500000];
    CHECK_OK(atollAllReduceAsync(values, values, 500000, atollFloat32, atollSum, pair.comms[0],
                                 NULL, &request));
    CHECK_OK(atollAllReduceAsync(values, values, 500000, atollFloat32, atollSum, pair.comms[1],
                                 NULL, &request));
    remove_folder(folder);
    exit(check_status());
  }
  if (child > 0) expect_good_end(child, "exit");
}

int main(int argc, char** argv) {
  static const ForkCase kCases[] = {
      FORK_CASE(every_descriptor_is_closed_on_exec),
      FORK_CASE(a_child_closes_what_it_inherits),
      FORK_CASE(a_child_keeps_what_is_not_the_librarys),
      FORK_CASE(a_child_is_told_whose_the_handles_are),
      FORK_CASE(a_child_makes_its_own),
      FORK_CASE(children_are_clean_at_any_moment),
      FORK_CASE(a_process_may_exit_with_a_run_on),
  };
  return run_fork_cases(kCases, sizeof(kCases) / sizeof(kCases[0]), argc, argv);
}
