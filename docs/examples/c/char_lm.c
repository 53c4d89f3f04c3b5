/* Trains a small character model with DiLoCo: every peer takes AdamW steps on its own share of a
 * text, and now and then all take one outer step together. Peers may die, leave and come at any
 * time. `char_lm --help` lists the options; tools/demo.sh runs several of these. */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <atoll/atoll.h>

#include "char_lm_model.h"
#include "char_lm_options.h"
#include "char_lm_text.h"

enum { kContext = 10, kEmbedding = 16, kHidden = 128, kMostTries = 10, kEndTag = 1 };

typedef struct {
  Options options;
  Text text;
  Model model;
  size_t share_begin;
  size_t share_end;
  size_t* positions; /* of one batch */
  uint64_t random;
  atollComm_t comm;
  atollDiloco_t diloco;
  FILE* status;
  double first_round_began; /* 0 before */
  double initial_loss;
} Trainer;

/* What one round was like. */
typedef struct {
  atollView_t view;
  atollSyncInfo_t sync;
  atollDilocoInfo_t step;
  double loss;
  double communication_ms; /* waiting for others included */
  int32_t end;             /* somebody asked for the end of the run */
} Round;

static volatile sig_atomic_t leave_requested = 0;
static volatile sig_atomic_t end_requested = 0;

static void on_signal(int number) {
  if (number == SIGUSR1) {
    end_requested = 1;
  } else {
    leave_requested = 1;
  }
}

static void install_signal_handlers(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, NULL);
  action.sa_flags |= (int)SA_RESETHAND;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  atollInstallDumpSignal(SIGUSR2);
}

static double seconds_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void report(const Trainer* trainer, const char* what, atollResult_t result) {
  fprintf(stderr, "char_lm %s: %s: %s: %s\n", trainer->options.name, what,
          atollGetErrorString(result), atollGetLastError());
}

/* After a 2xx result the run goes on and the input is as it was. All members have had the same
 * result, so all make the same call again. */
static int call_again(const Trainer* trainer, const char* what, atollResult_t result, int* tries) {
  if (result == atollSuccess || result / 100 != 2) return 0;
  report(trainer, what, result);
  return ++*tries < kMostTries;
}

static double inner_steps(Trainer* trainer) {
  const Options* options = &trainer->options;
  const size_t choices = trainer->share_end - trainer->share_begin - kContext;
  double loss = 0;
  for (uint32_t step = 0; step < options->inner_steps; ++step) {
    for (uint32_t i = 0; i < options->batch; ++i) {
      trainer->positions[i] =
          trainer->share_begin + kContext + random_next(&trainer->random) % choices;
    }
    loss += model_train(&trainer->model, trainer->text.symbols, trainer->positions,
                        (int)options->batch, (float)options->learning_rate);
  }
  return loss / options->inner_steps;
}

/* All members learn whether any of them wants the run to end, so that all end after the same
 * round, whatever their clocks say. */
static atollResult_t agree_on_end(Trainer* trainer, Round* round, int* tries) {
  const Options* options = &trainer->options;
  const double now = seconds_of(CLOCK_MONOTONIC);
  const int32_t wish =
      end_requested || (options->rounds > 0 && round->step.round >= options->rounds) ||
      (options->seconds > 0 && now - trainer->first_round_began >= options->seconds);
  atollOpOptions_t op_options = ATOLL_OP_OPTIONS_INITIALIZER;
  atollResult_t result;
  op_options.tag = kEndTag;
  do {
    result = atollAllReduce(&wish, &round->end, 1, atollInt32, atollMax, trainer->comm, &op_options,
                            NULL);
  } while (call_again(trainer, "agreeing on the end", result, tries));
  return result;
}

static atollResult_t take_round(Trainer* trainer, Round* round) {
  static const Round kEmpty = {
      ATOLL_VIEW_INITIALIZER, ATOLL_SYNC_INFO_INITIALIZER, ATOLL_DILOCO_INFO_INITIALIZER, 0, 0, 0};
  float* parameters = trainer->model.parameters;
  atollResult_t result;
  int tries = 0;
  double began = seconds_of(CLOCK_MONOTONIC);
  *round = kEmpty;
  do {
    result = atollUpdate(trainer->comm, &round->view);
  } while (call_again(trainer, "update", result, &tries));
  if (result != atollSuccess) return result;
  do {
    result = atollDilocoSync(trainer->diloco, trainer->comm, parameters, &round->sync);
  } while (call_again(trainer, "sync", result, &tries));
  if (result != atollSuccess) return result;
  round->communication_ms = (seconds_of(CLOCK_MONOTONIC) - began) * 1e3;
  if (trainer->first_round_began == 0) trainer->first_round_began = seconds_of(CLOCK_MONOTONIC);

  round->loss = inner_steps(trainer);

  began = seconds_of(CLOCK_MONOTONIC);
  do {
    result = atollDilocoStep(trainer->diloco, trainer->comm, parameters, &round->step);
  } while (call_again(trainer, "outer step", result, &tries));
  if (result != atollSuccess) return result;
  result = agree_on_end(trainer, round, &tries);
  round->communication_ms += (seconds_of(CLOCK_MONOTONIC) - began) * 1e3;
  return result;
}

static void write_status(const Trainer* trainer, const Round* round) {
  const uint64_t bytes = round->sync.bytes_sent + round->sync.bytes_received +
                         round->step.bytes_sent + round->step.bytes_received;
  if (trainer->status == NULL) return;
  fprintf(trainer->status,
          "{\"time\": %.3f, \"round\": %llu, \"world\": %u, \"rank\": %u, \"contributors\": %u, "
          "\"joined\": %u, \"lost\": %u, \"loss\": %.4f, \"bytes\": %llu, "
          "\"sync_bytes_received\": %llu, \"communication_ms\": %.1f}\n",
          seconds_of(CLOCK_REALTIME), (unsigned long long)round->step.round, round->view.world,
          round->view.rank, round->step.contributors, round->view.joined, round->view.lost,
          round->loss, (unsigned long long)bytes, (unsigned long long)round->sync.bytes_received,
          round->communication_ms);
  fflush(trainer->status);
}

/* Once more a sync: with nothing to send, it gives the digest of what all members hold. */
static int finish(Trainer* trainer) {
  atollSyncInfo_t info = ATOLL_SYNC_INFO_INITIALIZER;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollResult_t result;
  int tries = 0;
  double loss;
  do {
    result = atollDilocoSync(trainer->diloco, trainer->comm, trainer->model.parameters, &info);
  } while (call_again(trainer, "last sync", result, &tries));
  if (result == atollSuccess) result = atollGetView(trainer->comm, &view);
  if (result != atollSuccess) {
    report(trainer, "last sync", result);
    return -1;
  }
  result = atollCommLeave(trainer->comm);
  if (result != atollSuccess) report(trainer, "leaving", result);
  loss = model_evaluate(&trainer->model, trainer->text.symbols, trainer->text.training_length,
                        trainer->text.length);
  printf(
      "{\"name\": \"%s\", \"round\": %llu, \"world\": %u, \"digest\": \"%016llx%016llx\", "
      "\"sync_bytes_received\": %llu, \"initial_loss\": %.4f, \"loss\": %.4f, "
      "\"bigram_loss\": %.4f}\n",
      trainer->options.name, (unsigned long long)info.revision, view.world,
      (unsigned long long)info.digest_high, (unsigned long long)info.digest_low,
      (unsigned long long)info.bytes_received, trainer->initial_loss, loss,
      text_bigram_loss(&trainer->text));
  return 0;
}

static atollResult_t connect_again(Trainer* trainer) {
  atollResult_t result = atollNotConnected;
  for (int tries = 0; tries < kMostTries && !leave_requested; ++tries) {
    const struct timespec pause = {tries < 3 ? tries : 3, 0};
    nanosleep(&pause, NULL);
    result = atollCommConnect(trainer->comm);
    if (result == atollSuccess) return result;
    report(trainer, "connecting", result);
    if (result / 100 != 3) return result;
  }
  return result;
}

static int train(Trainer* trainer) {
  int failures = 0; /* rounds since the last that was taken */
  atollResult_t result = connect_again(trainer);
  while (result == atollSuccess && !leave_requested) {
    Round round;
    result = take_round(trainer, &round);
    if (result == atollSuccess) {
      failures = 0;
      write_status(trainer, &round);
      if (round.end) return finish(trainer);
    } else {
      report(trainer, "round", result);
      if (result / 100 != 3 || ++failures == kMostTries) return -1;
      result = connect_again(trainer);
    }
  }
  if (!leave_requested) return -1;
  fprintf(stderr, "char_lm %s: leaves the run on request\n", trainer->options.name);
  result = atollCommLeave(trainer->comm);
  return result == atollSuccess || result == atollNotConnected ? 0 : -1;
}

static int prepare(Trainer* trainer) {
  const Options* options = &trainer->options;
  const uint64_t seed = options->seed;
  ModelShape shape = {0, kContext, kEmbedding, kHidden, 0};
  if (text_read(&trainer->text, options->texts, options->text_count) != 0) return -1;
  text_share(&trainer->text, options->share, options->shares, &trainer->share_begin,
             &trainer->share_end);
  if (trainer->share_end - trainer->share_begin <= kContext) {
    fprintf(stderr, "char_lm: the text is too short for so many shares\n");
    return -1;
  }
  shape.vocabulary = trainer->text.vocabulary;
  shape.batch = (int)options->batch;
  trainer->positions = calloc(options->batch, sizeof *trainer->positions);
  if (trainer->positions == NULL || model_create(&trainer->model, &shape, seed) != 0) {
    fprintf(stderr, "char_lm: out of memory\n");
    return -1;
  }
  trainer->random = seed << 32 ^ (options->share + 1) ^ (uint64_t)options->shares << 16;
  trainer->initial_loss = model_evaluate(&trainer->model, trainer->text.symbols,
                                         trainer->text.training_length, trainer->text.length);
  if (options->status_file != NULL) {
    trainer->status = fopen(options->status_file, "a");
    if (trainer->status == NULL) {
      perror(options->status_file);
      return -1;
    }
  }
  return 0;
}

static int create_communicator(Trainer* trainer) {
  const Options* options = &trainer->options;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollDilocoConfig_t diloco_config = ATOLL_DILOCO_CONFIG_INITIALIZER;
  atollResult_t result;
  diloco_config.learning_rate = (float)options->outer_learning_rate;
  diloco_config.momentum = (float)options->outer_momentum;
  config.coordinator = options->coordinator;
  config.run = options->run;
  config.name = options->name;
  config.bind = options->bind;
  config.advertise = options->advertise;
  result = atollCommCreate(&trainer->comm, &config);
  if (result == atollSuccess) {
    result = atollDilocoCreate(&trainer->diloco, trainer->model.parameters, trainer->model.count,
                               &diloco_config);
  }
  if (result == atollSuccess) return 0;
  report(trainer, "starting", result);
  return -1;
}

int main(int argc, char** argv) {
  Trainer trainer;
  int result;
  memset(&trainer, 0, sizeof trainer);
  result = options_parse(&trainer.options, argc, argv);
  if (result != 0) return result < 0 ? 2 : 0;
  install_signal_handlers();
  result = prepare(&trainer);
  if (result == 0) result = create_communicator(&trainer);
  if (result == 0) result = train(&trainer);
  atollDilocoDestroy(trainer.diloco);
  atollCommDestroy(trainer.comm);
  if (trainer.status != NULL) fclose(trainer.status);
  model_free(&trainer.model);
  text_free(&trainer.text);
  free(trainer.positions);
  return result == 0 ? 0 : 1;
}
