/* The command line of char_lm. */
#ifndef CHAR_LM_OPTIONS_H
#define CHAR_LM_OPTIONS_H

#include <stdint.h>

enum { kMostTexts = 64 };

typedef struct {
  const char* coordinator;
  const char* run;
  const char* name;
  const char* bind;
  const char* advertise;
  char* texts[kMostTexts];
  uint32_t text_count;
  uint32_t share; /* 0 … shares - 1 */
  uint32_t shares;
  double seconds;  /* 0: no limit */
  uint32_t rounds; /* 0: no limit */
  uint32_t inner_steps;
  uint32_t batch;
  double learning_rate;
  double outer_learning_rate;
  double outer_momentum;
  uint32_t seed;
  const char* status_file;
} Options;

/* Returns 0; 1 when the program is to end with success (--help); -1 after a message to stderr. */
int options_parse(Options* options, int argc, char** argv);

#endif
