/* DiLoCo with one replica: the outer step is the formula of the header. */
#include <math.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

enum { kCount = 100, kRounds = 4 };

static void outer_steps_follow_the_formula(atollComm_t comm) {
  float parameters[kCount], outer[kCount], read_back[kCount];
  double expected[kCount], momentum[kCount];
  atollDiloco_t diloco = NULL;
  uint32_t seed = 5;
  uint64_t round = 99;
  int i, step;
  for (i = 0; i < kCount; ++i) {
    parameters[i] = (float)next_random(&seed) / 16777216.0f;
    expected[i] = parameters[i];
    momentum[i] = 0;
  }
  CHECK_OK(atollDilocoCreate(&diloco, parameters, kCount, NULL));
  CHECK_OK(atollDilocoGetOuter(diloco, outer, &round));
  CHECK_EQUAL(round, 0);
  for (step = 0; step < kRounds; ++step) {
    atollDilocoInfo_t info = ATOLL_DILOCO_INFO_INITIALIZER;
    double norm = 0;
    CHECK_OK(atollDilocoSync(diloco, comm, parameters, NULL));
    for (i = 0; i < kCount; ++i) {
      const double delta = (double)next_random(&seed) / 16777216.0 - 0.5;
      parameters[i] = (float)(expected[i] - delta);
      norm += delta * delta;
      momentum[i] = 0.9 * momentum[i] + delta;
      expected[i] -= 0.7 * (delta + 0.9 * momentum[i]);
    }
    CHECK_OK(atollDilocoStep(diloco, comm, parameters, &info));
    CHECK_EQUAL(info.round, step + 1);
    CHECK_EQUAL(info.contributors, 1);
    CHECK(fabs(info.pseudo_gradient_norm - sqrt(norm)) < 1e-4);
    for (i = 0; i < kCount; ++i) CHECK(fabs(parameters[i] - expected[i]) < 1e-4);
  }
  CHECK_OK(atollDilocoGetOuter(diloco, read_back, &round));
  CHECK_EQUAL(round, kRounds);
  for (i = 0; i < kCount; ++i) CHECK(read_back[i] == parameters[i]);
  CHECK_OK(atollDilocoDestroy(diloco));
}

static void a_failed_step_changes_nothing(const LocalRun* run) {
  float parameters[2] = {1.25f, -2.5f}, outer[2] = {0, 0};
  uint64_t round = 99;
  atollComm_t comm = NULL;
  atollDiloco_t diloco = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = run->address;
  CHECK_OK(atollCommCreate(&comm, &config));
  CHECK_OK(atollDilocoCreate(&diloco, parameters, 2, NULL));
  parameters[0] = 7;
  CHECK_RESULT(atollDilocoStep(diloco, comm, parameters, NULL), atollNotConnected);
  CHECK(parameters[0] == 7 && parameters[1] == -2.5f);
  CHECK_OK(atollDilocoGetOuter(diloco, outer, &round));
  CHECK_EQUAL(round, 0);
  CHECK(outer[0] == 1.25f && outer[1] == -2.5f);
  CHECK_RESULT(atollDilocoStep(diloco, comm, NULL, NULL), atollInvalidArgument);
  CHECK_OK(atollDilocoDestroy(diloco));
  CHECK_OK(atollCommDestroy(comm));
}

int main(void) {
  LocalRun run = local_run_start(1);
  atollComm_t comm = local_run_join_alone(&run);
  outer_steps_follow_the_formula(comm);
  a_failed_step_changes_nothing(&run);
  CHECK_OK(atollCommDestroy(comm));
  local_run_stop(&run);
  return check_status();
}
