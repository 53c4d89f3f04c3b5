#include "char_lm_options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char kHelp[] =
    "char_lm: trains a small character model together with others, by DiLoCo over Atoll\n"
    "\n"
    "usage: char_lm --coordinator HOST:PORT [options]\n"
    "\n"
    "  --coordinator HOST:PORT  where `atoll coordinator` listens\n"
    "  --run ID                 run id (default: the coordinator's)\n"
    "  --name NAME              this peer's name, for people (default char_lm)\n"
    "  --bind HOST[:PORT]       address for data connections\n"
    "  --advertise LIST         comma-separated HOST[:PORT] at which others reach this peer\n"
    "  --text FILE              text to learn; may be given several times\n"
    "                           (default: the files of /usr/share/common-licenses)\n"
    "  --share I/N              learn part I (0 to N - 1) of N of the training text (default\n"
    "                           0/1); it stays the same when peers come and go\n"
    "  --seconds S              end the run for all peers S seconds after this one got in\n"
    "  --rounds R               end the run for all peers once R rounds were taken\n"
    "  --inner-steps H          AdamW steps between two outer steps (default 200)\n"
    "  --batch B                predictions per inner step (default 64)\n"
    "  --learning-rate X        of the inner steps (default 0.003)\n"
    "  --outer-learning-rate X  of the outer steps (default 0.7)\n"
    "  --outer-momentum X       of the outer steps, less than 1 (default 0.5: less than is usual,\n"
    "                           because a run of a minute has few outer steps)\n"
    "  --seed S                 of the initial parameters and of the batches (default 1)\n"
    "  --status-file FILE       append one line of JSON per round\n"
    "  --help                   this text\n"
    "\n"
    "All peers hold out the last tenth of the text. A run without --seconds and --rounds goes on\n"
    "until it is told to end: SIGUSR1 to any peer ends it for all after the round, SIGINT or\n"
    "SIGTERM makes one peer leave after the round (a second one kills it). SIGUSR2 writes the\n"
    "state of the communicator to standard error, or to ATOLL_DUMP_DIR. At the end one line of\n"
    "JSON goes to standard output: the digest of the state that all peers share, and losses in "
    "bits\n"
    "per held-out character: of the model at first and at last, and of a bigram model.\n";

static int complain(const char* option, const char* why) {
  fprintf(stderr, "char_lm: %s %s; try --help\n", option, why);
  return -1;
}

static int parse_real(const char* option, const char* text, double* value) {
  char* end;
  errno = 0;
  *value = strtod(text, &end);
  if (errno != 0 || end == text || *end != '\0' || !isfinite(*value) || *value < 0) {
    return complain(option, "wants a number that is not negative");
  }
  return 0;
}

static int parse_count(const char* option, const char* text, uint32_t most, uint32_t* value) {
  char* end;
  unsigned long number;
  errno = 0;
  number = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-' || number < 1 || number > most) {
    return complain(option, "wants a positive whole number that is not too large");
  }
  *value = (uint32_t)number;
  return 0;
}

static int parse_share(const char* text, Options* options) {
  unsigned share, shares;
  char rest;
  if (sscanf(text, "%u/%u%c", &share, &shares, &rest) != 2 || shares < 1 || shares > 64 ||
      share >= shares) {
    return complain("--share", "wants I/N with I less than N, N at most 64");
  }
  options->share = share;
  options->shares = shares;
  return 0;
}

/* The name goes into JSON as it is. */
static int check_name(const char* name) {
  for (const char* at = name; *at != '\0'; ++at) {
    if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\') {
      return complain("--name", "must not contain quotes, backslashes and control characters");
    }
  }
  return 0;
}

static int parse_text(char* file, Options* options) {
  if (options->text_count == kMostTexts) return complain("--text", "was given too often");
  options->texts[options->text_count++] = file;
  return 0;
}

static int parse_option(Options* options, const char* name, char* value) {
  const struct {
    const char* name;
    const char** value;
  } strings[] = {
      {"--coordinator", &options->coordinator},
      {"--run", &options->run},
      {"--name", &options->name},
      {"--bind", &options->bind},
      {"--advertise", &options->advertise},
      {"--status-file", &options->status_file},
  };
  const struct {
    const char* name;
    uint32_t* value;
    uint32_t most;
  } counts[] = {
      {"--rounds", &options->rounds, 1000000000},
      {"--inner-steps", &options->inner_steps, 1000000},
      {"--batch", &options->batch, 4096},
      {"--seed", &options->seed, 1000000000},
  };
  const struct {
    const char* name;
    double* value;
  } reals[] = {
      {"--seconds", &options->seconds},
      {"--learning-rate", &options->learning_rate},
      {"--outer-learning-rate", &options->outer_learning_rate},
      {"--outer-momentum", &options->outer_momentum},
  };
  for (size_t i = 0; i < sizeof strings / sizeof strings[0]; ++i) {
    if (strcmp(name, strings[i].name) == 0) {
      *strings[i].value = value;
      return 0;
    }
  }
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; ++i) {
    if (strcmp(name, counts[i].name) == 0) {
      return parse_count(name, value, counts[i].most, counts[i].value);
    }
  }
  if (strcmp(name, "--text") == 0) return parse_text(value, options);
  if (strcmp(name, "--share") == 0) return parse_share(value, options);
  for (size_t i = 0; i < sizeof reals / sizeof reals[0]; ++i) {
    if (strcmp(name, reals[i].name) == 0) return parse_real(name, value, reals[i].value);
  }
  return complain(name, "is not an option");
}

int options_parse(Options* options, int argc, char** argv) {
  memset(options, 0, sizeof *options);
  options->name = "char_lm";
  options->shares = 1;
  options->inner_steps = 200;
  options->batch = 64;
  options->learning_rate = 0.003;
  options->outer_learning_rate = 0.7;
  options->outer_momentum = 0.5;
  options->seed = 1;
  for (int i = 1; i < argc; i += 2) {
    if (strcmp(argv[i], "--help") == 0) {
      fputs(kHelp, stdout);
      return 1;
    }
    if (i + 1 == argc) return complain(argv[i], "is not an option or lacks its value");
    if (parse_option(options, argv[i], argv[i + 1]) != 0) return -1;
  }
  if (options->coordinator == NULL) return complain("--coordinator", "is required");
  return check_name(options->name);
}
