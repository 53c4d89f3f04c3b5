/* The library as a guest among a process's threads and signals: threads that are cancelled,
 * handlers that take long, exit in the middle of calls. */
#include <ctype.h>
#include <sched.h>
#include <time.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/forks.h"
#include "support/pair.h"

/* ---- pthread_cancel ----------------------------------------------------------------------------
 * */

static void* update_for_ever(void* comm) {
  atollUpdate((atollComm_t)comm, NULL);
  return NULL;
}

static void* barrier_for_ever(void* comm) {
  atollBarrier((atollComm_t)comm, NULL);
  return NULL;
}

/* Its data is on the stack that goes. */
static void* reduce_for_ever(void* comm) {
  float values[1000] = {0};
  atollAllReduce(values, values, 1000, atollFloat32, atollSum, (atollComm_t)comm, NULL, NULL);
  return NULL;
}

static void* wait_for_ever(void* comm) {
  float values[1000] = {0};
  atollRequest_t request = NULL;
  CHECK_OK(atollAllReduceAsync(values, values, 1000, atollFloat32, atollSum, (atollComm_t)comm,
                               NULL, &request));
  atollWait(request, NULL);
  return NULL;
}

static int has_call(atollComm_t comm) {
  char text[65536];
  CHECK_OK(atollFormatState(comm, text, sizeof(text), NULL));
  return strstr(text, "\"calls\": []") == NULL && strstr(text, "\"calls\":[]") == NULL;
}

static void expect_cancelled(void* (*call)(void*), atollComm_t comm, int until_it_is_there) {
  pthread_t thread;
  void* result = NULL;
  if (pthread_create(&thread, NULL, call, comm) != 0) exit(1);
  while (until_it_is_there && !has_call(comm)) sched_yield();
  CHECK(pthread_cancel(thread) == 0);
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);
}

/* The call was cancelled for both, and the next one goes well. */
static void expect_cancelled_for_both(Pair* pair, void* (*call)(void*)) {
  expect_cancelled(call, pair->comms[0], 1);
  CHECK_RESULT(atollBarrier(pair->comms[1], NULL), atollCancelled);
  pair_expect_work(pair);
}

static void a_cancelled_thread_leaves_the_communicator_in_order(void) {
  Pair pair = pair_start(NULL);
  alarm(kHangSeconds);
  expect_cancelled_for_both(&pair, barrier_for_ever);
  expect_cancelled_for_both(&pair, reduce_for_ever);
  expect_cancelled_for_both(&pair, wait_for_ever);
  pair_stop(&pair);
}

/* While one thread has lent itself to the loop, others wait for it. */
static void a_cancelled_thread_passes_the_loop_on(void) {
  Pair pair = pair_start(NULL);
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  float mine = 1, sum = 0;
  atollRequest_t request = NULL;
  alarm(kHangSeconds);
  options.tag = 7;
  CHECK_OK(atollAllReduceAsync(&mine, &sum, 1, atollFloat32, atollSum, pair.comms[0], &options,
                               &request));
  expect_cancelled(barrier_for_ever, pair.comms[0], 1);
  CHECK_OK(atollAllReduce(&mine, &mine, 1, atollFloat32, atollSum, pair.comms[1], &options, NULL));
  CHECK_OK(atollWait(request, NULL));
  CHECK(sum == 2);
  CHECK_RESULT(atollBarrier(pair.comms[1], NULL), atollCancelled);
  pair_expect_work(&pair);
  pair_stop(&pair);
}

static void a_cancelled_update_may_be_called_again(void) {
  Pair pair = pair_start(NULL);
  pthread_t thread;
  alarm(kHangSeconds);
  expect_cancelled(update_for_ever, pair.comms[0], 0);
  if (pthread_create(&thread, NULL, pair_meet, pair.comms[1]) != 0) exit(1);
  pair_meet(pair.comms[0]);
  pthread_join(thread, NULL);
  pair_expect_work(&pair);
  pair_stop(&pair);
}

static void* update_without_being_cancelled(void* comm) {
  int before;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  pair_meet(comm);
  pthread_setcancelstate(before, NULL);
  pthread_testcancel();
  return NULL;
}

static void a_thread_that_allows_no_cancellation_is_not_cancelled(void) {
  Pair pair = pair_start(NULL);
  pthread_t thread;
  void* result = NULL;
  alarm(kHangSeconds);
  if (pthread_create(&thread, NULL, update_without_being_cancelled, pair.comms[0]) != 0) exit(1);
  pthread_cancel(thread);
  pair_meet(pair.comms[1]);
  pthread_join(thread, &result);
  CHECK(result == PTHREAD_CANCELED);
  pair_expect_work(&pair);
  pair_stop(&pair);
}

/* ---- signals ------------------------------------------------------------------------------------
 * */

/* Of the thread's file in /proc; "" without one. */
static void line_of_thread(const char* thread, const char* file, const char* key, char* line,
                           int size) {
  char path[300];
  FILE* opened;
  line[0] = '\0';
  snprintf(path, sizeof(path), "/proc/self/task/%s/%s", thread, file);
  opened = fopen(path, "r");
  if (opened == NULL) return;
  while (fgets(line, size, opened) != NULL && strncmp(line, key, strlen(key)) != 0) line[0] = '\0';
  fclose(opened);
}

static void the_librarys_threads_have_names_and_take_no_signals(void) {
  const int signals[] = {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD, SIGPIPE};
  DIR* list;
  const struct dirent* entry;
  int of_library = 0, all = 0;
  size_t i;
  Pair pair;
  setenv("ATOLL_LOG", "info", 1);
  CHECK_OK(atollInstallDumpSignal(SIGUSR2));
  pair = pair_start(NULL);
  pair_expect_work(&pair);
  list = opendir("/proc/self/task");
  while (list != NULL && (entry = readdir(list)) != NULL) {
    char name[64], mask[64];
    unsigned long long blocked;
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    ++all;
    line_of_thread(entry->d_name, "comm", "", name, sizeof(name));
    line_of_thread(entry->d_name, "status", "SigBlk:", mask, sizeof(mask));
    if (strncmp(name, "atoll-", 6) != 0) continue;
    ++of_library;
    blocked = strtoull(mask + 7, NULL, 16);
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); ++i) {
      CHECK((blocked >> (signals[i] - 1) & 1) == 1);
    }
  }
  if (list != NULL) closedir(list);
  CHECK_EQUAL(of_library, 4); /* two of communicators, that of the log, that of the signal */
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  CHECK_EQUAL(all, 6); /* this one, and the coordinator's */
#endif
  pair_stop(&pair);
}

static void handlers_and_masks_stay_the_programs(void) {
  struct sigaction before[32], after;
  sigset_t mask_before, mask_after;
  Pair pair;
  int number;
  alarm(kHangSeconds);
  pthread_sigmask(SIG_BLOCK, NULL, &mask_before);
  for (number = 1; number < 32; ++number) sigaction(number, NULL, &before[number]);
  pair = pair_start(NULL);
  pair_expect_work(&pair);
  for (number = 1; number < 32; ++number) {
    sigaction(number, NULL, &after);
    CHECK(after.sa_handler == before[number].sa_handler);
  }
  pair_stop(&pair);
  pthread_sigmask(SIG_BLOCK, NULL, &mask_after);
  for (number = 1; number < 32; ++number) {
    CHECK(sigismember(&mask_before, number) == sigismember(&mask_after, number));
  }
}

static void a_signal_of_a_crash_is_none_for_a_dump(void) {
  const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  struct sigaction before, after;
  char number[32];
  size_t i;
  for (i = 0; i < sizeof(crashes) / sizeof(crashes[0]); ++i) {
    sigaction(crashes[i], NULL, &before);
    CHECK_RESULT(atollInstallDumpSignal(crashes[i]), atollInvalidArgument);
    sigaction(crashes[i], NULL, &after);
    CHECK(before.sa_handler == after.sa_handler);
    snprintf(number, sizeof(number), "signal %d", crashes[i]);
    CHECK(strstr(atollGetLastError(), number) != NULL);
  }
  CHECK_RESULT(atollInstallDumpSignal(SIGKILL), atollInvalidArgument);
  CHECK_OK(atollInstallDumpSignal(SIGQUIT));
}

/* The thread that writes to a standard error that nobody reads must not hold the communicators. */
static void a_dump_that_nobody_reads_holds_up_nobody(void) {
  static const char zeros[4096];
  Pair pair = pair_start(NULL);
  const int saved = dup(2);
  int ends[2];
  char byte;
  alarm(kHangSeconds);
  CHECK_OK(atollInstallDumpSignal(SIGUSR1));
  if (pipe(ends) != 0) exit(1);
  dup2(ends[1], 2);
  raise(SIGUSR1);
  if (read(ends[0], &byte, 1) != 1) exit(1); /* it has come */
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], zeros, sizeof(zeros)) > 0) {
  }
  fcntl(ends[1], F_SETFL, 0);
  raise(SIGUSR1);
  pair_stop(&pair);
  dup2(saved, 2);
  _exit(check_status()); /* stdio may be waiting for the pipe */
}

/* Of two threads. */
static int handler_ran = 0;

static int has_run(void) { return __atomic_load_n(&handler_ran, __ATOMIC_SEQ_CST); }
static void set_run(int ran) { __atomic_store_n(&handler_ran, ran, __ATOMIC_SEQ_CST); }

static void take_seconds(int number) {
  struct timespec left = {3, 0};
  (void)number;
  while (nanosleep(&left, &left) != 0) {
  }
  set_run(1);
}

/* By whoever does the communicator's work: the one who waits, when it has lent its thread. */
static void be_interrupted_once(void* caller, const char* point) {
  (void)point;
  if (!has_run() && pthread_equal(pthread_self(), *(const pthread_t*)caller)) raise(SIGUSR1);
}

static int rounds_with_barriers = 0;

static void* meet_at_barriers(void* comm) {
  int round;
  for (round = 0; round < rounds_with_barriers && check_failures == 0; ++round) {
    CHECK_OK(atollBarrier((atollComm_t)comm, NULL));
  }
  return NULL;
}

/* Several times the peer timeout. */
static void a_handler_that_takes_long_is_no_death(void) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollCoordinatorConfig_t coordinator = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  const pthread_t caller = pthread_self();
  struct sigaction action;
  Pair pair;
  pthread_t thread;
  alarm(kHangSeconds);
  coordinator.min_replicas = 2;
  coordinator.heartbeat_ms = 100;
  coordinator.peer_timeout_ms = 800;
  config.trace = be_interrupted_once;
  config.trace_user = (void*)&caller;
  memset(&action, 0, sizeof(action));
  action.sa_handler = take_seconds;
  sigaction(SIGUSR1, &action, NULL);
  set_run(1); /* not yet */
  pair = pair_start_with(&config, &coordinator);
  pair_expect_work(&pair);
  set_run(0);
  rounds_with_barriers = 200;
  while (!has_run() && check_failures == 0) { /* whether a thread is lent is up to chance */
    if (pthread_create(&thread, NULL, meet_at_barriers, pair.comms[1]) != 0) exit(1);
    meet_at_barriers(pair.comms[0]);
    pthread_join(thread, NULL);
  }
  pair_expect_work(&pair);
  pair_stop(&pair);
}

/* ---- several, and the end
 * ------------------------------------------------------------------------ */

static void communicators_of_two_runs_do_not_mind_each_other(void) {
  Pair one = pair_start(NULL), other = pair_start(NULL);
  int round;
  alarm(kHangSeconds);
  for (round = 0; round < 20; ++round) {
    pair_expect_work(&one);
    pair_expect_work(&other);
  }
  CHECK_OK(atollCommAbort(one.comms[0]));
  pair_expect_work(&other);
  pair_stop(&one);
  pair_expect_work(&other);
  pair_stop(&other);
}

static void* reduce_again_and_again(void* comm) {
  static float values[2][200000];
  static int next = 0;
  float* own = values[next++ % 2];
  for (;;) {
    const atollResult_t result = atollAllReduce(own, own, 200000, atollFloat32, atollAvg,
                                                (atollComm_t)comm, NULL, NULL);
    if (result != atollSuccess) return NULL;
  }
}

/* Many times: where the calls are is up to chance. */
static void exit_may_come_in_the_middle_of_calls(void) {
  int round;
  if (!kChildrenMayStartThreads) return;
  for (round = 0; round < 20; ++round) {
    const pid_t child = fork_child();
    if (child == 0) {
      Pair pair = pair_start(NULL);
      pthread_t threads[2];
      int i;
      for (i = 0; i < 2; ++i) {
        if (pthread_create(&threads[i], NULL, reduce_again_and_again, pair.comms[i]) != 0) exit(1);
      }
      usleep((useconds_t)(1000 * round)); /* anywhere */
      exit(check_status());
    }
    expect_good_end(child, "exit");
  }
}

static void leave_at_exit(void) { exit(check_status()); }

static void end_the_process(void* user, int level, const char* message) {
  (void)user, (void)level, (void)message;
  leave_at_exit();
}

static void exit_may_come_in_a_log_callback(void) {
  const pid_t child = kChildrenMayStartThreads ? fork_child() : -1;
  if (child == 0) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    Pair pair;
    setenv("ATOLL_LOG", "info", 1);
    pair = pair_start(NULL);
    config.log = end_the_process;
    config.coordinator = pair.run.address;
    CHECK_OK(atollCommCreate(&pair.comms[0], &config));
    atollCommConnect(pair.comms[0]); /* says where others reach it */
    pause();
  }
  if (child > 0) expect_good_end(child, "exit in a callback");
}

static Pair pair_of_process;

static void stop_the_pair(void) { pair_stop(&pair_of_process); }

/* A handler of atexit stands for the destructor of a static object that owns a communicator. */
static void what_runs_at_exit_may_destroy_communicators(void) {
  const pid_t child = kChildrenMayStartThreads ? fork_child() : -1;
  if (child == 0) {
    atexit(stop_the_pair);
    pair_of_process = pair_start(NULL);
    exit(check_status());
  }
  if (child > 0) expect_good_end(child, "destroying at exit");
}

int main(int argc, char** argv) {
  static const ForkCase kCases[] = {
      FORK_CASE(a_cancelled_thread_leaves_the_communicator_in_order),
      FORK_CASE(a_cancelled_thread_passes_the_loop_on),
      FORK_CASE(a_cancelled_update_may_be_called_again),
      FORK_CASE(a_thread_that_allows_no_cancellation_is_not_cancelled),
      FORK_CASE(the_librarys_threads_have_names_and_take_no_signals),
      FORK_CASE(handlers_and_masks_stay_the_programs),
      FORK_CASE(a_signal_of_a_crash_is_none_for_a_dump),
      FORK_CASE(a_dump_that_nobody_reads_holds_up_nobody),
      FORK_CASE(a_handler_that_takes_long_is_no_death),
      FORK_CASE(communicators_of_two_runs_do_not_mind_each_other),
      FORK_CASE(exit_may_come_in_the_middle_of_calls),
      FORK_CASE(exit_may_come_in_a_log_callback),
      FORK_CASE(what_runs_at_exit_may_destroy_communicators),
  };
  return run_fork_cases(kCases, sizeof(kCases) / sizeof(kCases[0]), argc, argv);
}
