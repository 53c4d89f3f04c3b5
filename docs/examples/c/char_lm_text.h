/* The text that char_lm learns, and the bigram model that it has to beat. */
#ifndef CHAR_LM_TEXT_H
#define CHAR_LM_TEXT_H

#include <stddef.h>

/* Characters are bytes; a symbol is a byte's place among those that occur in the text. The first
 * 90 % are for training; the rest is held out. */
typedef struct {
  unsigned char* symbols;
  size_t length;
  size_t training_length;
  int vocabulary;
} Text;

/* Reads the files one after the other; without files (count 0) all regular files of
 * /usr/share/common-licenses in the order of their names, symbolic links left out.
 * Returns 0, or -1 after a message to stderr. */
int text_read(Text* text, char* const* files, size_t count);
void text_free(Text* text);

/* Part `index` of `count` equal, contiguous, disjoint parts of the training text. */
void text_share(const Text* text, size_t index, size_t count, size_t* begin, size_t* end);

/* Bits per held-out character under a bigram model of the whole training text, smoothed by adding
 * k to each count; k is the one that is best on the last tenth of the training text for a model of
 * the rest of it. Negative when memory is short. */
double text_bigram_loss(const Text* text);

#endif
