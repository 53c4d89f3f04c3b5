/* A small neural character model (after Bengio et al., "A Neural Probabilistic Language Model",
 * JMLR 2003): the embeddings of the last characters, side by side, one hidden layer of rectified
 * units, and a softmax over the vocabulary; trained with AdamW (arXiv 1711.05101). */
#ifndef CHAR_LM_MODEL_H
#define CHAR_LM_MODEL_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  int vocabulary;
  int context;   /* characters that are seen */
  int embedding; /* numbers per character */
  int hidden;    /* units */
  int batch;     /* at most so many predictions at a time */
} ModelShape;

typedef struct {
  ModelShape shape;
  size_t count;      /* parameters */
  float* parameters; /* one flat vector: embedding, hidden weights and bias, output ones */
  float* gradient;
  float* first_moment; /* AdamW's */
  float* second_moment;
  long steps;
  float* scratch; /* activations and their gradients for one batch */
} Model;

/* Returns 0, or -1 when memory is short. The same seed gives the same parameters. */
int model_create(Model* model, const ModelShape* shape, uint64_t seed);
void model_free(Model* model);

/* One AdamW step on the predictions of text[positions[i]] from the characters before it; every
 * position is at least `context`. Returns their mean loss in bits per character before the step. */
double model_train(Model* model, const unsigned char* text, const size_t* positions, int count,
                   float learning_rate);

/* Mean loss in bits per character over text[begin, end); begin is at least `context`. */
double model_evaluate(Model* model, const unsigned char* text, size_t begin, size_t end);

/* The next number of a small random sequence (splitmix64). */
uint64_t random_next(uint64_t* state);

#endif
