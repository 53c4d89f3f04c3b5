/* What the death of a peer costs. Real processes on this machine, TCP over loopback:
 *
 *   reliability [--peers 4] [--mib 256] [--trials 5] [--undisturbed 3] [--out-of-place]
 *               [--huge-pages] [--keep-segments]
 *
 * In each trial four peers reduce random values in place: a few times undisturbed, then once more,
 * and in the middle of that one of them dies by SIGKILL; then the survivors, undisturbed again.
 * Measured from the kill:
 *   closed      the kernel has closed what the dead process had open. It frees its memory first, so
 *               nobody can know sooner
 *   told        the last survivor has heard of the death (the settle round asks for its report)
 *   known       the last survivor knows what became of the call, and begins it again
 *   result      from there, the last survivor has returned with the result of the survivors
 * and the last is compared with what the survivors take undisturbed. That result is checked by
 * value on each survivor. With --keep-segments what was complete on all stands, and only the rest
 * is reduced again. Also shown: how much input a peer has kept at a time to give back.
 * Exit code 0: all results were right. It does not depend on the times. */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "atoll/atoll.h"

extern char** environ;

enum { kPeersMax = 16, kTrialsMax = 100, kOpsMax = 64, kRangesMax = 4 };

static const double kKnownGoalMs = 50.0;
static const double kResultGoal = 1.2; /* times an undisturbed call of the survivors */

typedef struct {
  double begin, end; /* seconds; 0: not made */
} Span;

/* In memory that all processes share; each writes its own fields. */
typedef struct {
  uint64_t peer;
  double told, known;
  Span ops[kOpsMax];
  uint32_t attempts;
  uint64_t backup_peak; /* bytes */
  int checked; /* 1: the result of the disturbed call is right */
} PeerRecord;

typedef struct {
  double killed, closed;
  PeerRecord peers[kPeersMax];
} Trial;

typedef struct {
  unsigned peers, mib, trials, undisturbed;
  int out_of_place, huge_pages, keep_segments;
} Options;

typedef struct {
  Options options;
  unsigned index, victim;
  uint64_t seed;
  Trial* trial;
  int armed; /* the disturbed call is in progress */
  uint64_t received, kill_at;
} Self;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void require(atollResult_t result, const char* what) {
  if (result == atollSuccess) return;
  fprintf(stderr, "reliability: %s: %s\n", what, atollGetLastError());
  exit(1);
}

static void require_system(int ok, const char* what) {
  if (ok) return;
  perror(what);
  exit(1);
}

/* ---- one peer -------------------------------------------------------------------------------- */

/* Of peer `index`: an integer below 4096, so that sums are exact in any order. */
static float value_of(uint64_t seed, unsigned index, uint64_t element) {
  uint64_t x = seed + index * 0x9e3779b97f4a7c15u + element * 0xbf58476d1ce4e5b9u;
  x ^= x >> 31;
  x *= 0x94d049bb133111ebu;
  return (float)((x >> 40) & 4095);
}

static void on_trace(void* user, const char* point) {
  Self* self = user;
  PeerRecord* record = &self->trial->peers[self->index];
  if (!__atomic_load_n(&self->armed, __ATOMIC_ACQUIRE)) return;
  if (self->index != self->victim) {
    if (record->told == 0 && strcmp(point, "freeze") == 0) record->told = seconds();
    if (record->known == 0 && strcmp(point, "op.abort") == 0) record->known = seconds();
  } else if (strcmp(point, "scatter.receive") == 0 && ++self->received == self->kill_at) {
    self->trial->killed = seconds();
    kill(getpid(), SIGKILL);
  }
}

typedef struct {
  atollComm_t comm;
  float* input;
  float* output;
  uint64_t count;
  unsigned ops;
} Work;

static void all_reduce(const Self* self, Work* work, atollOpInfo_t* info) {
  Span* span = &self->trial->peers[self->index].ops[work->ops++];
  require(atollBarrier(work->comm, NULL), "a barrier");
  atollOpOptions_t options = ATOLL_OP_OPTIONS_INITIALIZER;
  if (self->options.keep_segments) options.flags = ATOLL_KEEP_COMPLETED_SEGMENTS;
  span->begin = seconds();
  require(atollAllReduce(work->input, work->output, work->count, atollFloat32, atollSum, work->comm,
                         &options, info),
          "an all-reduce");
  span->end = seconds();
}

/* The sum of exactly those who are said to have contributed to the range. */
static int is_sum(const Self* self, const Work* work, uint64_t begin, uint64_t end,
                  const uint64_t* ids, uint32_t contributors) {
  unsigned present[kPeersMax];
  unsigned count = 0;
  for (unsigned k = 0; k < self->options.peers; ++k) {
    for (uint32_t i = 0; i < contributors; ++i) {
      if (ids[i] == self->trial->peers[k].peer) present[count++] = k;
    }
  }
  if (count != contributors) return 0;
  for (uint64_t i = begin; i < end; ++i) {
    float sum = 0;
    for (unsigned k = 0; k < count; ++k) sum += value_of(self->seed, present[k], i);
    if (work->output[i] != sum) return 0;
  }
  return 1;
}

/* All but the victim have contributed; to segments that were kept also the victim. */
static int is_right(const Self* self, const Work* work, const atollOpInfo_t* info) {
  uint64_t begin = 0;
  if (info->contributors != self->options.peers - 1) return 0;
  for (uint32_t i = 0; i < info->contributors; ++i) {
    if (info->contributor_ids[i] == self->trial->peers[self->victim].peer) return 0;
  }
  if (info->range_count > (self->options.keep_segments ? 2u : 1u)) return 0;
  for (uint32_t r = 0; r < info->range_count; ++r) {
    const atollOpRange_t* range = &info->ranges[r];
    if (!is_sum(self, work, begin, range->end, info->contributor_ids + range->first_contributor,
                range->contributors)) {
      return 0;
    }
    begin = range->end;
  }
  return begin == work->count;
}

static void disturbed(Self* self, Work* work) {
  PeerRecord* record = &self->trial->peers[self->index];
  uint64_t ids[2 * kPeersMax];
  atollOpRange_t ranges[kRangesMax];
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  info.contributor_ids = ids;
  info.contributor_capacity = 2 * kPeersMax;
  info.ranges = ranges;
  info.range_capacity = kRangesMax;
  for (uint64_t i = 0; i < work->count; ++i) {
    work->input[i] = value_of(self->seed, self->index, i);
  }
  require(atollBarrier(work->comm, NULL), "a barrier");
  __atomic_store_n(&self->armed, 1, __ATOMIC_RELEASE);
  all_reduce(self, work, &info);
  __atomic_store_n(&self->armed, 0, __ATOMIC_RELEASE);
  record->attempts = info.attempts;
  record->checked = is_right(self, work, &info);
  require(atollGetAttribute(work->comm, atollAttributeInputBackupPeakBytes, &record->backup_peak),
          "an attribute");
}

static float* memory(const Options* options, uint64_t count) {
  void* place = NULL;
  require_system(posix_memalign(&place, 2u << 20, count * sizeof(float)) == 0, "posix_memalign");
  if (options->huge_pages) madvise(place, count * sizeof(float), MADV_HUGEPAGE);
  return place;
}

static int run_peer(Self* self, const char* coordinator) {
  char name[32];
  snprintf(name, sizeof(name), "island-%u", self->index);
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = coordinator;
  config.name = name;
  config.bind = "127.0.0.1";
  config.trace = on_trace;
  config.trace_user = self;
  const Options* options = &self->options;
  Work work = {NULL, NULL, NULL, (uint64_t)options->mib << 18, 0};
  work.input = memory(options, work.count);
  work.output = options->out_of_place ? memory(options, work.count) : work.input;
  for (uint64_t i = 0; i < work.count; ++i) {
    work.input[i] = work.output[i] = value_of(self->seed, self->index, i);
  }
  /* Half of what it receives in the scatter phase, in chunks of about 256 KiB. */
  self->kill_at = (uint64_t)options->mib * 4 * (options->peers - 1) / options->peers / 2;
  require(atollCommCreate(&work.comm, &config), "create");
  require(atollCommConnect(work.comm), "connect");
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  require(atollUpdate(work.comm, &view), "update");
  self->trial->peers[self->index].peer = view.peer;
  for (unsigned i = 0; i <= options->undisturbed; ++i) all_reduce(self, &work, NULL);
  disturbed(self, &work);
  for (unsigned i = 0; i < options->undisturbed; ++i) all_reduce(self, &work, NULL);
  require(atollCommDestroy(work.comm), "destroy");
  if (work.output != work.input) free(work.output);
  free(work.input);
  return 0;
}

/* ---- the trials ------------------------------------------------------------------------------ */

static void* serve(void* coordinator) {
  require(atollCoordinatorRun(coordinator), "the coordinator");
  return NULL;
}

/* Each peer is this program again, with the shared memory as a file that it inherits. It holds the
 * file `held` open as long as it lives. */
static pid_t spawn_peer(const Options* options, const char* coordinator, unsigned index,
                        unsigned trial, int shared, int held) {
  char words[10][24];
  snprintf(words[0], sizeof(words[0]), "%u", index);
  snprintf(words[1], sizeof(words[1]), "%u", trial);
  snprintf(words[2], sizeof(words[2]), "%d", shared);
  snprintf(words[3], sizeof(words[3]), "%u", options->peers);
  snprintf(words[4], sizeof(words[4]), "%u", options->mib);
  snprintf(words[5], sizeof(words[5]), "%u", options->undisturbed);
  snprintf(words[6], sizeof(words[6]), "%d", options->out_of_place);
  snprintf(words[7], sizeof(words[7]), "%d", options->huge_pages);
  snprintf(words[8], sizeof(words[8]), "%d", options->keep_segments);
  char address[300];
  snprintf(address, sizeof(address), "%s", coordinator);
  char* arguments[] = {"reliability", "--as-peer", address,  words[0], words[1], words[2],
                       words[3],      words[4],    words[5], words[6], words[7], words[8],
                       NULL};
  pid_t child = -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, held, held);
  require_system(posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ) == 0,
                 "posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

static int as_peer(char** words) {
  Self self = {{0, 0, 0, 0, 0, 0, 0}, 0, 0, 0, NULL, 0, 0, 0};
  self.index = (unsigned)atoi(words[1]);
  const unsigned trial = (unsigned)atoi(words[2]);
  self.options.peers = (unsigned)atoi(words[4]);
  self.options.mib = (unsigned)atoi(words[5]);
  self.options.undisturbed = (unsigned)atoi(words[6]);
  self.options.out_of_place = atoi(words[7]);
  self.options.huge_pages = atoi(words[8]);
  self.options.keep_segments = atoi(words[9]);
  self.victim = trial % self.options.peers;
  self.seed = trial + 1;
  void* shared = mmap(NULL, kTrialsMax * sizeof(Trial), PROT_READ | PROT_WRITE, MAP_SHARED,
                      atoi(words[3]), 0);
  require_system(shared != MAP_FAILED, "mmap");
  self.trial = (Trial*)shared + trial;
  return run_peer(&self, words[0]);
}

static int run_trial(const Options* options, Trial* record, unsigned trial, int shared) {
  const unsigned victim = trial % options->peers;
  int ends[2]; /* of a pipe that the victim alone holds open */
  require_system(pipe(ends) == 0, "pipe");
  for (int i = 0; i < 2; ++i) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  config.min_replicas = options->peers;
  atollCoordinator_t coordinator = NULL;
  const char* address = NULL;
  pthread_t thread;
  require(atollCoordinatorCreate(&coordinator, &config), "the coordinator");
  require(atollCoordinatorGetAddress(coordinator, &address), "the coordinator's address");
  require_system(pthread_create(&thread, NULL, serve, coordinator) == 0, "pthread_create");
  pid_t peers[kPeersMax];
  for (unsigned k = 0; k < options->peers; ++k) {
    peers[k] = spawn_peer(options, address, k, trial, shared, k == victim ? ends[1] : shared);
  }
  char byte;
  close(ends[1]);
  require_system(read(ends[0], &byte, 1) == 0, "read");
  record->closed = seconds();
  close(ends[0]);
  int right = 1;
  for (unsigned k = 0; k < options->peers; ++k) {
    int status = 0;
    waitpid(peers[k], &status, 0);
    const int killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const int ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (k == victim ? !killed : !ended) right = 0;
  }
  require(atollCoordinatorStop(coordinator), "stop");
  pthread_join(thread, NULL);
  require(atollCoordinatorDestroy(coordinator), "destroy");
  return right;
}

/* ---- the table ------------------------------------------------------------------------------- */

typedef struct {
  double values[kTrialsMax * kOpsMax];
  unsigned count;
} Sample;

static int compare(const void* left, const void* right) {
  const double a = *(const double*)left;
  const double b = *(const double*)right;
  return (a > b) - (a < b);
}

static void add(Sample* sample, double value) { sample->values[sample->count++] = value; }

static double median(Sample* sample) {
  qsort(sample->values, sample->count, sizeof(double), compare);
  const unsigned middle = sample->count / 2;
  if (sample->count % 2 == 1) return sample->values[middle];
  return (sample->values[middle - 1] + sample->values[middle]) / 2;
}

static void print_row(const char* what, Sample* sample, const char* unit, const char* goal) {
  const double middle = median(sample);
  printf("%-44s %10.2f %10.2f %10.2f  %-3s %s\n", what, middle, sample->values[0],
         sample->values[sample->count - 1], unit, goal);
}

/* From the last to begin to the last to end. */
static double duration(const Trial* trial, const Options* options, unsigned op, unsigned victim) {
  double begin = 0;
  double end = 0;
  for (unsigned k = 0; k < options->peers; ++k) {
    if (k == victim) continue;
    begin = fmax(begin, trial->peers[k].ops[op].begin);
    end = fmax(end, trial->peers[k].ops[op].end);
  }
  return (end - begin) * 1e3;
}

typedef struct {
  Sample all, survivors, closed, told, known, result, ratio, kept;
} Table;

/* 1: this trial's results were right. */
static int evaluate(const Trial* trial, const Options* options, unsigned victim, Table* table) {
  const unsigned kill_op = options->undisturbed + 1; /* the first op warms up */
  double told = 0;
  double known = 0;
  double end = 0;
  if (trial->killed == 0) return 0;
  for (unsigned k = 0; k < options->peers; ++k) {
    const PeerRecord* peer = &trial->peers[k];
    if (k == victim) continue;
    if (!peer->checked || peer->attempts != 2 || peer->known == 0) return 0;
    told = fmax(told, peer->told);
    known = fmax(known, peer->known);
    end = fmax(end, peer->ops[kill_op].end);
    add(&table->kept, (double)peer->backup_peak / (1u << 20));
  }
  Sample survivors = {{0}, 0};
  for (unsigned i = 1; i <= options->undisturbed; ++i) {
    add(&table->all, duration(trial, options, i, kPeersMax));
    add(&table->survivors, duration(trial, options, kill_op + i, victim));
    add(&survivors, duration(trial, options, kill_op + i, victim));
  }
  add(&table->closed, (trial->closed - trial->killed) * 1e3);
  add(&table->told, (told - trial->killed) * 1e3);
  add(&table->known, (known - trial->killed) * 1e3);
  add(&table->result, (end - known) * 1e3);
  add(&table->ratio, (end - known) * 1e3 / median(&survivors));
  return 1;
}

static void print_table(Table* table, const Options* options) {
  char text[64];
  printf("%u peers, %u MiB of random fp32, %s%s%s, SIGKILL of one in the middle; %u trials\n",
         options->peers, options->mib, options->out_of_place ? "out of place" : "in place",
         options->huge_pages ? ", huge pages" : "",
         options->keep_segments ? ", segments kept" : "", options->trials);
  printf("%-44s %10s %10s %10s\n", "", "median", "least", "most");
  snprintf(text, sizeof(text), "undisturbed, %u peers", options->peers);
  print_row(text, &table->all, "ms", "");
  snprintf(text, sizeof(text), "undisturbed, %u survivors", options->peers - 1);
  print_row(text, &table->survivors, "ms", "");
  print_row("kill -> the kernel has closed its files", &table->closed, "ms", "");
  print_row("kill -> all survivors told", &table->told, "ms", "");
  snprintf(text, sizeof(text), "goal <= %.0f: %s", kKnownGoalMs,
           median(&table->known) <= kKnownGoalMs ? "met" : "missed");
  print_row("kill -> all know what became of the call", &table->known, "ms", text);
  print_row("then -> result of the survivors", &table->result, "ms", "");
  snprintf(text, sizeof(text), "goal <= %.1f: %s", kResultGoal,
           median(&table->ratio) <= kResultGoal ? "met" : "missed");
  print_row("the same / undisturbed, survivors", &table->ratio, "x", text);
  print_row("input kept at a time, at most", &table->kept, "MiB", "");
}

static unsigned number(const char* text, unsigned least, unsigned most) {
  const unsigned long value = strtoul(text, NULL, 10);
  if (value >= least && value <= most) return (unsigned)value;
  fprintf(stderr, "reliability: %s is not between %u and %u\n", text, least, most);
  exit(2);
}

static Options parse(int argc, char** argv) {
  Options options = {4, 256, 5, 3, 0, 0, 0};
  for (int i = 1; i < argc; ++i) {
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--out-of-place") == 0) {
      options.out_of_place = 1;
      continue;
    }
    if (strcmp(argv[i], "--huge-pages") == 0) {
      options.huge_pages = 1;
      continue;
    }
    if (strcmp(argv[i], "--keep-segments") == 0) {
      options.keep_segments = 1;
      continue;
    }
    if (strcmp(argv[i], "--peers") == 0) options.peers = number(value, 3, kPeersMax);
    else if (strcmp(argv[i], "--mib") == 0) options.mib = number(value, 4, 1u << 16);
    else if (strcmp(argv[i], "--trials") == 0) options.trials = number(value, 1, kTrialsMax);
    else if (strcmp(argv[i], "--undisturbed") == 0) options.undisturbed = number(value, 1, 30);
    else {
      fprintf(stderr, "usage: reliability [--peers N] [--mib N] [--trials N] [--undisturbed N] "
                      "[--out-of-place] [--huge-pages] [--keep-segments]\n");
      exit(strcmp(argv[i], "--help") == 0 ? 0 : 2);
    }
    ++i;
  }
  return options;
}

int main(int argc, char** argv) {
  if (argc == 12 && strcmp(argv[1], "--as-peer") == 0) return as_peer(argv + 2);
  const Options options = parse(argc, argv);
  FILE* file = tmpfile();
  require_system(file != NULL, "tmpfile");
  const size_t size = kTrialsMax * sizeof(Trial);
  require_system(ftruncate(fileno(file), (off_t)size) == 0, "ftruncate");
  Trial* trials = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
  require_system(trials != MAP_FAILED, "mmap");
  static Table table;
  for (unsigned trial = 0; trial < options.trials; ++trial) {
    const int ended = run_trial(&options, &trials[trial], trial, fileno(file));
    if (ended && evaluate(&trials[trial], &options, trial % options.peers, &table)) continue;
    fprintf(stderr, "reliability: trial %u has failed: a peer ended badly, or a result is wrong\n",
            trial);
    return 1;
  }
  print_table(&table, &options);
  return 0;
}
