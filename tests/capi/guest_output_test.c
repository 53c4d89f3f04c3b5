/* The library as a guest in a process that has closed its standard descriptors, whose standard
 * error nobody reads, or that has no descriptors or threads left. */
#include <sched.h>
#include <sys/resource.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/forks.h"
#include "support/pair.h"

/* ---- standard error ---------------------------------------------------------------------------
 * */

/* A pipe that is full and that nobody reads takes the place of standard error until the end. */
static int stuff_stderr(void) {
  static const char zeros[4096];
  const int saved = dup(2);
  int ends[2];
  if (saved < 0 || pipe(ends) != 0) exit(1);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (write(ends[1], zeros, sizeof(zeros)) > 0) {
  }
  fcntl(ends[1], F_SETFL, 0);
  dup2(ends[1], 2);
  return saved;
}

/* The other member makes no call: the library warns after 1.5 s, and the deadline comes after 2.5.
 * */
static atollResult_t wait_in_vain(atollComm_t comm) {
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  options.deadline_ms = 2500;
  return atollBarrier(comm, &options);
}

static void a_deadline_comes_though_nobody_reads_standard_error(void) {
  Pair pair = pair_start(NULL);
  atollResult_t result;
  int saved;
  alarm(kHangSeconds);
  saved = stuff_stderr();
  result = wait_in_vain(pair.comms[0]);
  dup2(saved, 2);
  CHECK_EQUAL(result, atollTimeout);
  pair_stop(&pair);
}

static void a_standard_error_without_reader_is_no_end(void) {
  Pair pair = pair_start(NULL);
  const int saved = dup(2);
  int ends[2];
  alarm(kHangSeconds);
  signal(SIGPIPE, SIG_DFL);
  if (pipe(ends) != 0) exit(1);
  close(ends[0]);
  dup2(ends[1], 2);
  close(ends[1]);
  CHECK_RESULT(wait_in_vain(pair.comms[0]), atollTimeout);
  dup2(saved, 2);
  CHECK_RESULT(wait_in_vain(pair.comms[0]), atollTimeout);
  pair_stop(&pair);
}

static int gate[2]; /* a byte for each line that may go on */

static void stand_at_the_gate(void* user, int level, const char* message) {
  char byte;
  (void)user, (void)level, (void)message;
  while (read(gate[0], &byte, 1) < 0) {
  }
}

static void a_deadline_comes_though_a_log_callback_does_not_return(void) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  Pair pair;
  config.log = stand_at_the_gate;
  alarm(kHangSeconds);
  if (pipe(gate) != 0) exit(1);
  pair = pair_start(&config);
  CHECK_RESULT(wait_in_vain(pair.comms[0]), atollTimeout);
  close(gate[1]); /* from now on it returns at once */
  pair_stop(&pair);
}

/* ---- the numbers 0, 1 and 2 --------------------------------------------------------------------
 * */

static void standard_descriptors_may_be_closed(void) {
  int mask, number, saved[3];
  alarm(kHangSeconds);
  for (number = 0; number < 3; ++number) saved[number] = fcntl(number, F_DUPFD_CLOEXEC, 100);
  for (mask = 1; mask < 8; ++mask) {
    Pair pair;
    for (number = 0; number < 3; ++number) {
      if ((mask & 1 << number) != 0) close(number);
    }
    pair = pair_start(NULL);
    pair_expect_work(&pair);
    CHECK_OK(atollInstallDumpSignal(SIGUSR1));
    /* A new one may have such a number for a moment, until it is moved. */
    for (number = 0; number < 3; ++number) {
      while ((mask & 1 << number) != 0 && fcntl(number, F_GETFD) >= 0) sched_yield();
      if ((mask & 1 << number) == 0) CHECK(fcntl(number, F_GETFD) >= 0);
    }
    pair_stop(&pair);
    for (number = 0; number < 3; ++number) dup2(saved[number], number);
  }
  for (number = 0; number < 3; ++number) close(saved[number]);
}

/* ---- shortages ----------------------------------------------------------------------------------
 * */

/* The sanitizer of types opens a pipe to look at memory, and takes none for a bad object. */
#if defined(__SANITIZE_ADDRESS__)
enum { kSanitizerNeedsDescriptors = 1 };
#else
enum { kSanitizerNeedsDescriptors = 0 };
#endif

/* So many numbers are taken, up to the first that is free: of the numbers the limit is one. */
static rlim_t open_descriptors(void) {
  const int next = dup(2);
  close(next);
  return (rlim_t)next;
}

static void allow_descriptors(rlim_t count) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = count;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void expect_in_sentence(const char* sentence, const char* part) {
  if (strstr(sentence, part) != NULL) return;
  fprintf(stderr, "'%s' is not in '%s'\n", part, sentence);
  ++check_failures;
}

/* Of every number from none on: each call ends, well or with a sentence. */
static void without_descriptors_each_call_says_who_lacks_them(void) {
  char process[32], limit[64];
  rlim_t before, more;
  LocalRun run;
  int well = 0;
  if (kSanitizerNeedsDescriptors) return;
  alarm(kHangSeconds);
  run = local_run_start(1);
  before = open_descriptors();
  snprintf(process, sizeof(process), "process %ld has no file", (long)getpid());
  for (more = 0; more < 12; ++more) {
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    atollComm_t comm = NULL;
    atollResult_t result;
    config.coordinator = run.address;
    config.connect_timeout_ms = 500;
    allow_descriptors(before + more);
    CHECK_OK(atollCommCreate(&comm, &config));
    result = atollCommConnect(comm);
    if (result != atollSuccess && result != atollCoordinatorUnreachable) {
      CHECK_EQUAL(result, atollSystemError);
    }
    if (result == atollSystemError) {
      snprintf(limit, sizeof(limit), "of the %lu that it may have", (unsigned long)(before + more));
      expect_in_sentence(atollGetLastError(), process);
      expect_in_sentence(atollGetLastError(), limit);
    }
    well += result == atollSuccess;
    CHECK_OK(atollCommDestroy(comm));
  }
  CHECK(well > 0);
  allow_descriptors(1024);
  local_run_stop(&run);
}

static void a_coordinator_without_descriptors_says_who_lacks_them(void) {
  rlim_t before = open_descriptors(), more;
  atollResult_t result = atollSystemError;
  if (kSanitizerNeedsDescriptors) return;
  alarm(kHangSeconds);
  for (more = 0; more < 40 && result != atollSuccess; ++more) {
    atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
    atollCoordinator_t coordinator = NULL;
    allow_descriptors(before + more);
    result = atollCoordinatorCreate(&coordinator, &config);
    if (result != atollSuccess) {
      CHECK_EQUAL(result, atollSystemError);
      expect_in_sentence(atollGetLastError(), "has no file descriptor left of the");
    }
    CHECK_OK(atollCoordinatorDestroy(coordinator));
  }
  CHECK(more > 1);
  CHECK_OK(result);
}

static char warnings[4096];
static pthread_mutex_t warnings_mutex = PTHREAD_MUTEX_INITIALIZER;

static void note_warning(void* user, int level, const char* message) {
  (void)user;
  if (level < 3) return;
  pthread_mutex_lock(&warnings_mutex);
  strncat(warnings, message, sizeof(warnings) - strlen(warnings) - 1);
  pthread_mutex_unlock(&warnings_mutex);
}

/* Enough to connect and not for links: said at once, with the number that it takes. */
static void a_limit_that_is_too_low_is_told_at_connect(void) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollComm_t comm = NULL;
  LocalRun run = local_run_start(1);
  alarm(kHangSeconds);
  config.coordinator = run.address;
  config.log = note_warning;
  allow_descriptors(open_descriptors() + 10);
  CHECK_OK(atollCommCreate(&comm, &config));
  CHECK_OK(atollCommConnect(comm));
  allow_descriptors(1024);
  CHECK_OK(atollCommDestroy(comm)); /* what was logged has been told */
  expect_in_sentence(warnings, "it should be allowed");
  expect_in_sentence(warnings, "ulimit -n");
  local_run_stop(&run);
}

static void without_threads_connect_says_who_lacks_them(void) {
  LocalRun run;
  pid_t child;
  if (!kChildrenMayStartThreads) return;
  run = local_run_start(1);
  child = fork_child();
  if (child == 0) {
    const struct rlimit none = {0, 0};
    atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
    atollComm_t comm = NULL;
    char process[32];
    CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
    if (geteuid() == 0) CHECK(setuid(54321) == 0); /* no limit is one for root */
    snprintf(process, sizeof(process), "process %ld may not", (long)getpid());
    config.coordinator = run.address;
    CHECK_OK(atollCommCreate(&comm, &config));
    CHECK_RESULT(atollCommConnect(comm), atollSystemError);
    expect_in_sentence(atollGetLastError(), process);
    expect_in_sentence(atollGetLastError(), "'atoll-io'");
    CHECK_RESULT(atollInstallDumpSignal(SIGUSR1), atollSystemError);
    expect_in_sentence(atollGetLastError(), "'atoll-dump'");
    CHECK_OK(atollCommDestroy(comm));
    _exit(check_status());
  }
  expect_good_end(child, "no threads");
  local_run_stop(&run);
}

int main(int argc, char** argv) {
  static const ForkCase kCases[] = {
      FORK_CASE(a_deadline_comes_though_nobody_reads_standard_error),
      FORK_CASE(a_standard_error_without_reader_is_no_end),
      FORK_CASE(a_deadline_comes_though_a_log_callback_does_not_return),
      FORK_CASE(standard_descriptors_may_be_closed),
      FORK_CASE(without_descriptors_each_call_says_who_lacks_them),
      FORK_CASE(a_coordinator_without_descriptors_says_who_lacks_them),
      FORK_CASE(a_limit_that_is_too_low_is_told_at_connect),
      FORK_CASE(without_threads_connect_says_who_lacks_them),
  };
  return run_fork_cases(kCases, sizeof(kCases) / sizeof(kCases[0]), argc, argv);
}
