#include "char_lm_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the layers are in a flat vector of parameters, or of their gradients. */
typedef struct {
  float* embedding;     /* vocabulary x embedding */
  float* hidden_weight; /* (context * embedding) x hidden */
  float* hidden_bias;
  float* output_weight; /* hidden x vocabulary */
  float* output_bias;
} Layers;

typedef struct {
  float* input; /* batch x (context * embedding) */
  float* input_gradient;
  float* hidden; /* batch x hidden */
  float* hidden_gradient;
  float* output; /* batch x vocabulary: scores, then probabilities, then their gradient */
  float* transposed;
} Activations;

static size_t input_width(const ModelShape* shape) {
  return (size_t)shape->context * (size_t)shape->embedding;
}

static Layers layers_of(const ModelShape* shape, float* base) {
  Layers layers;
  layers.embedding = base;
  layers.hidden_weight = layers.embedding + shape->vocabulary * shape->embedding;
  layers.hidden_bias = layers.hidden_weight + input_width(shape) * (size_t)shape->hidden;
  layers.output_weight = layers.hidden_bias + shape->hidden;
  layers.output_bias = layers.output_weight + shape->hidden * shape->vocabulary;
  return layers;
}

static size_t parameter_count(const ModelShape* shape) {
  const size_t hidden = (size_t)shape->hidden;
  const size_t vocabulary = (size_t)shape->vocabulary;
  return vocabulary * (size_t)shape->embedding + (input_width(shape) + 1) * hidden +
         (hidden + 1) * vocabulary;
}

static Activations activations_of(const Model* model) {
  const ModelShape* shape = &model->shape;
  const size_t batch = (size_t)shape->batch;
  Activations activations;
  activations.input = model->scratch;
  activations.input_gradient = activations.input + batch * input_width(shape);
  activations.hidden = activations.input_gradient + batch * input_width(shape);
  activations.hidden_gradient = activations.hidden + batch * (size_t)shape->hidden;
  activations.output = activations.hidden_gradient + batch * (size_t)shape->hidden;
  activations.transposed = activations.output + batch * (size_t)shape->vocabulary;
  return activations;
}

static size_t scratch_count(const ModelShape* shape) {
  const size_t batch = (size_t)shape->batch;
  const size_t width = input_width(shape);
  const size_t vocabulary = (size_t)shape->vocabulary;
  const size_t widest = width > vocabulary ? width : vocabulary;
  return batch * (2 * width + 2 * (size_t)shape->hidden + vocabulary) +
         widest * (size_t)shape->hidden;
}

uint64_t random_next(uint64_t* state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static void fill_uniform(float* values, size_t count, float limit, uint64_t* random) {
  for (size_t i = 0; i < count; ++i) {
    const float unit = (float)(random_next(random) >> 40) / (float)(1 << 24); /* [0, 1) */
    values[i] = limit * (2 * unit - 1);
  }
}

int model_create(Model* model, const ModelShape* shape, uint64_t seed) {
  const size_t width = input_width(shape);
  const size_t hidden = (size_t)shape->hidden;
  Layers layers;
  memset(model, 0, sizeof *model);
  model->shape = *shape;
  model->count = parameter_count(shape);
  model->parameters = calloc(model->count, sizeof(float));
  model->gradient = calloc(model->count, sizeof(float));
  model->first_moment = calloc(model->count, sizeof(float));
  model->second_moment = calloc(model->count, sizeof(float));
  model->scratch = calloc(scratch_count(shape), sizeof(float));
  if (!model->parameters || !model->gradient || !model->first_moment || !model->second_moment ||
      !model->scratch) {
    model_free(model);
    return -1;
  }
  layers = layers_of(shape, model->parameters);
  fill_uniform(layers.embedding, (size_t)(shape->vocabulary * shape->embedding), 0.5f, &seed);
  fill_uniform(layers.hidden_weight, width * hidden, sqrtf(6.0f / (float)width), &seed);
  fill_uniform(layers.output_weight, hidden * (size_t)shape->vocabulary,
               0.5f * sqrtf(3.0f / (float)hidden), &seed);
  return 0;
}

void model_free(Model* model) {
  free(model->parameters);
  free(model->gradient);
  free(model->first_moment);
  free(model->second_moment);
  free(model->scratch);
  memset(model, 0, sizeof *model);
}

/* out[i][j] += sum over k of a(i, k) * b[k][j], where a(i, k) = a[i * row_step + k * inner_step]:
 * `a` may be a matrix or its transpose. Four rows of b at a time: one load and one store of
 * out serve four products, in plain loops that compilers vectorize. */
static void multiply_add(float* restrict out, const float* restrict a, size_t row_step,
                         size_t inner_step, const float* restrict b, size_t rows, size_t inner,
                         size_t columns) {
  for (size_t i = 0; i < rows; ++i) {
    float* restrict row = out + i * columns;
    size_t k = 0;
    for (; k + 4 <= inner; k += 4) {
      const float* restrict factor = a + i * row_step + k * inner_step;
      const float a0 = factor[0];
      const float a1 = factor[inner_step];
      const float a2 = factor[2 * inner_step];
      const float a3 = factor[3 * inner_step];
      const float* restrict b0 = b + k * columns;
      const float* restrict b1 = b0 + columns;
      const float* restrict b2 = b1 + columns;
      const float* restrict b3 = b2 + columns;
      for (size_t j = 0; j < columns; ++j) {
        row[j] += (a0 * b0[j] + a1 * b1[j]) + (a2 * b2[j] + a3 * b3[j]);
      }
    }
    for (; k < inner; ++k) {
      const float factor = a[i * row_step + k * inner_step];
      for (size_t j = 0; j < columns; ++j) row[j] += factor * b[k * columns + j];
    }
  }
}

static void transpose(float* restrict out, const float* restrict in, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) out[j * rows + i] = in[i * columns + j];
  }
}

static void fill_rows(float* out, const float* row, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; ++i) memcpy(out + i * columns, row, columns * sizeof(float));
}

/* Scores of one row become probabilities; returns the loss of the true symbol in bits. */
static double softmax(float* scores, size_t count, size_t truth) {
  const float true_score = scores[truth];
  float highest = scores[0];
  float sum = 0;
  for (size_t i = 1; i < count; ++i) highest = scores[i] > highest ? scores[i] : highest;
  for (size_t i = 0; i < count; ++i) {
    scores[i] = expf(scores[i] - highest);
    sum += scores[i];
  }
  for (size_t i = 0; i < count; ++i) scores[i] /= sum;
  return (log(sum) - (double)(true_score - highest)) / log(2.0);
}

/* Leaves the probabilities in activations.output; returns the sum of the losses in bits. */
static double forward(const Model* model, const unsigned char* text, const size_t* positions,
                      int count) {
  const ModelShape* shape = &model->shape;
  const Layers layers = layers_of(shape, model->parameters);
  const Activations at = activations_of(model);
  const size_t rows = (size_t)count;
  const size_t width = input_width(shape);
  const size_t hidden = (size_t)shape->hidden;
  const size_t vocabulary = (size_t)shape->vocabulary;
  const size_t embedding = (size_t)shape->embedding;
  double bits = 0;
  for (size_t i = 0; i < rows; ++i) {
    const unsigned char* seen = text + positions[i] - shape->context;
    for (size_t c = 0; c < (size_t)shape->context; ++c) {
      memcpy(at.input + i * width + c * embedding, layers.embedding + seen[c] * embedding,
             embedding * sizeof(float));
    }
  }
  fill_rows(at.hidden, layers.hidden_bias, rows, hidden);
  multiply_add(at.hidden, at.input, width, 1, layers.hidden_weight, rows, width, hidden);
  for (size_t i = 0; i < rows * hidden; ++i) at.hidden[i] = at.hidden[i] > 0 ? at.hidden[i] : 0;
  fill_rows(at.output, layers.output_bias, rows, vocabulary);
  multiply_add(at.output, at.hidden, hidden, 1, layers.output_weight, rows, hidden, vocabulary);
  for (size_t i = 0; i < rows; ++i) {
    bits += softmax(at.output + i * vocabulary, vocabulary, text[positions[i]]);
  }
  return bits;
}

static void add_rows(float* restrict sum, const float* restrict rows, size_t count,
                     size_t columns) {
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < columns; ++j) sum[j] += rows[i * columns + j];
  }
}

/* The gradient of the mean loss, from what forward left behind. */
static void backward(Model* model, const unsigned char* text, const size_t* positions, int count) {
  const ModelShape* shape = &model->shape;
  const Layers layers = layers_of(shape, model->parameters);
  const Layers gradient = layers_of(shape, model->gradient);
  const Activations at = activations_of(model);
  const size_t rows = (size_t)count;
  const size_t width = input_width(shape);
  const size_t hidden = (size_t)shape->hidden;
  const size_t vocabulary = (size_t)shape->vocabulary;
  const size_t embedding = (size_t)shape->embedding;
  memset(model->gradient, 0, model->count * sizeof(float));
  for (size_t i = 0; i < rows; ++i) at.output[i * vocabulary + text[positions[i]]] -= 1;
  for (size_t i = 0; i < rows * vocabulary; ++i) at.output[i] /= (float)count;

  multiply_add(gradient.output_weight, at.hidden, 1, hidden, at.output, hidden, rows, vocabulary);
  add_rows(gradient.output_bias, at.output, rows, vocabulary);
  transpose(at.transposed, layers.output_weight, hidden, vocabulary);
  memset(at.hidden_gradient, 0, rows * hidden * sizeof(float));
  multiply_add(at.hidden_gradient, at.output, vocabulary, 1, at.transposed, rows, vocabulary,
               hidden);
  for (size_t i = 0; i < rows * hidden; ++i) {
    at.hidden_gradient[i] = at.hidden[i] > 0 ? at.hidden_gradient[i] : 0;
  }

  multiply_add(gradient.hidden_weight, at.input, 1, width, at.hidden_gradient, width, rows, hidden);
  add_rows(gradient.hidden_bias, at.hidden_gradient, rows, hidden);
  transpose(at.transposed, layers.hidden_weight, width, hidden);
  memset(at.input_gradient, 0, rows * width * sizeof(float));
  multiply_add(at.input_gradient, at.hidden_gradient, hidden, 1, at.transposed, rows, hidden,
               width);
  for (size_t i = 0; i < rows; ++i) {
    const unsigned char* seen = text + positions[i] - shape->context;
    for (size_t c = 0; c < (size_t)shape->context; ++c) {
      add_rows(gradient.embedding + seen[c] * embedding,
               at.input_gradient + i * width + c * embedding, 1, embedding);
    }
  }
}

static void adamw_step(Model* model, float learning_rate) {
  const float beta1 = 0.9f;
  const float beta2 = 0.99f;
  const float weight_decay = 0.01f;
  const float correction1 = 1 - powf(beta1, (float)++model->steps);
  const float correction2 = 1 - powf(beta2, (float)model->steps);
  float* restrict parameters = model->parameters;
  float* restrict first = model->first_moment;
  float* restrict second = model->second_moment;
  const float* restrict gradient = model->gradient;
  for (size_t i = 0; i < model->count; ++i) {
    first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
    second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
    parameters[i] -=
        learning_rate * ((first[i] / correction1) / (sqrtf(second[i] / correction2) + 1e-8f) +
                         weight_decay * parameters[i]);
  }
}

double model_train(Model* model, const unsigned char* text, const size_t* positions, int count,
                   float learning_rate) {
  const double bits = forward(model, text, positions, count);
  backward(model, text, positions, count);
  adamw_step(model, learning_rate);
  return bits / count;
}

double model_evaluate(Model* model, const unsigned char* text, size_t begin, size_t end) {
  enum { kMostAtOnce = 64 };
  const size_t limit = model->shape.batch < kMostAtOnce ? (size_t)model->shape.batch : kMostAtOnce;
  size_t positions[kMostAtOnce] = {0};
  double bits = 0;
  for (size_t at = begin; at < end;) {
    int count = 0;
    while (at < end && (size_t)count < limit) positions[count++] = at++;
    bits += forward(model, text, positions, count);
  }
  return bits / (double)(end - begin);
}
