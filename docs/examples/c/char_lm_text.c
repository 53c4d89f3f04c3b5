#define _POSIX_C_SOURCE 200809L

#include "char_lm_text.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_FOLDER "/usr/share/common-licenses"

enum { kLeastLength = 1000 };

static int complain(const char* path, const char* why) {
  fprintf(stderr, "char_lm: %s: %s\n", path, why);
  return -1;
}

static int append_file(Text* text, const char* path) {
  unsigned char block[65536];
  size_t count;
  FILE* file = fopen(path, "rb");
  if (file == NULL) return complain(path, strerror(errno));
  while ((count = fread(block, 1, sizeof block, file)) > 0) {
    unsigned char* grown = realloc(text->symbols, text->length + count);
    if (grown == NULL) {
      fclose(file);
      return complain(path, "out of memory");
    }
    memcpy(grown + text->length, block, count);
    text->symbols = grown;
    text->length += count;
  }
  if (ferror(file)) {
    fclose(file);
    return complain(path, "cannot be read");
  }
  fclose(file);
  return 0;
}

/* Unlike alphasort, which follows the locale, of which peers may have different ones. */
static int by_bytes(const struct dirent** one, const struct dirent** other) {
  return strcmp((*one)->d_name, (*other)->d_name);
}

static int append_default_files(Text* text) {
  struct dirent** entries;
  int result = 0;
  const int count = scandir(DEFAULT_FOLDER, &entries, NULL, by_bytes);
  if (count < 0) return complain(DEFAULT_FOLDER, "cannot be listed; name a text with --text");
  for (int i = 0; i < count; ++i) {
    char path[sizeof DEFAULT_FOLDER + 300];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", DEFAULT_FOLDER, entries[i]->d_name);
    if (result == 0 && lstat(path, &status) == 0 && S_ISREG(status.st_mode)) {
      result = append_file(text, path);
    }
    free(entries[i]);
  }
  free(entries);
  return result;
}

static void number_symbols(Text* text) {
  unsigned char symbol_of[256] = {0};
  for (size_t i = 0; i < text->length; ++i) symbol_of[text->symbols[i]] = 1;
  text->vocabulary = 0;
  for (int byte = 0; byte < 256; ++byte) {
    if (symbol_of[byte]) symbol_of[byte] = (unsigned char)text->vocabulary++;
  }
  for (size_t i = 0; i < text->length; ++i) text->symbols[i] = symbol_of[text->symbols[i]];
}

int text_read(Text* text, char* const* files, size_t count) {
  int result = 0;
  memset(text, 0, sizeof *text);
  if (count == 0) result = append_default_files(text);
  for (size_t i = 0; i < count && result == 0; ++i) result = append_file(text, files[i]);
  if (result == 0 && text->length < kLeastLength) {
    result = complain(count == 0 ? DEFAULT_FOLDER : files[0], "too short a text to learn from");
  }
  if (result != 0) {
    text_free(text);
    return result;
  }
  number_symbols(text);
  text->training_length = text->length / 10 * 9;
  return 0;
}

void text_free(Text* text) {
  free(text->symbols);
  memset(text, 0, sizeof *text);
}

void text_share(const Text* text, size_t index, size_t count, size_t* begin, size_t* end) {
  *begin = text->training_length / count * index;
  *end = index + 1 == count ? text->training_length : text->training_length / count * (index + 1);
}

/* Bits per character of [begin, end) when the counts are those of [0, begin). */
static double bigram_loss(const Text* text, double* counts, size_t begin, size_t end, double k) {
  const unsigned char* symbols = text->symbols;
  const size_t vocabulary = (size_t)text->vocabulary;
  double* totals = counts + vocabulary * vocabulary;
  double bits = 0;
  memset(counts, 0, (vocabulary + 1) * vocabulary * sizeof *counts);
  for (size_t i = 1; i < begin; ++i) {
    counts[symbols[i - 1] * vocabulary + symbols[i]] += 1;
    totals[symbols[i - 1]] += 1;
  }
  for (size_t i = begin; i < end; ++i) {
    const double count = counts[symbols[i - 1] * vocabulary + symbols[i]];
    bits -= log2((count + k) / (totals[symbols[i - 1]] + k * (double)vocabulary));
  }
  return bits / (double)(end - begin);
}

double text_bigram_loss(const Text* text) {
  static const double candidates[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0};
  const size_t vocabulary = (size_t)text->vocabulary;
  const size_t tuning_begin = text->training_length / 10 * 9;
  double best_k = 0;
  double best = -1;
  double* counts = malloc((vocabulary + 1) * vocabulary * sizeof *counts);
  if (counts == NULL) return -1;
  for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; ++i) {
    const double loss =
        bigram_loss(text, counts, tuning_begin, text->training_length, candidates[i]);
    if (best < 0 || loss < best) {
      best = loss;
      best_k = candidates[i];
    }
  }
  best = bigram_loss(text, counts, text->training_length, text->length, best_k);
  free(counts);
  return best;
}
