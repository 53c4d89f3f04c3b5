/* Two members and a coordinator in this process, for tests in C. */
#pragma once

#include <pthread.h>

#include "support/local_run.h"

typedef struct {
  LocalRun run;
  atollComm_t comms[2];
} Pair;

typedef struct {
  atollComm_t comm;
  float value; /* in: what it brings; out: the sum */
  uint32_t contributors;
} PairMember;

static inline void* pair_meet(void* comm) {
  CHECK_OK(atollUpdate((atollComm_t)comm, NULL));
  return NULL;
}

static inline void* pair_reduce(void* argument) {
  PairMember* member = (PairMember*)argument;
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  CHECK_OK(atollAllReduce(&member->value, &member->value, 1, atollFloat32, atollSum, member->comm,
                          NULL, &info));
  member->contributors = info.contributors;
  return NULL;
}

/* `config`: what both have beside coordinator and name, or null. */
static inline Pair pair_start_with(const atollCommConfig_t* config,
                                   const atollCoordinatorConfig_t* coordinator) {
  Pair pair;
  pthread_t thread;
  int i;
  CHECK_OK(atollCoordinatorCreate(&pair.run.coordinator, coordinator));
  CHECK_OK(atollCoordinatorGetAddress(pair.run.coordinator, &pair.run.address));
  if (check_failures != 0 || pthread_create(&pair.run.thread, NULL, local_run_serve,
                                            pair.run.coordinator) != 0) {
    exit(1);
  }
  for (i = 0; i < 2; ++i) {
    atollCommConfig_t own = ATOLL_COMM_CONFIG_INITIALIZER;
    if (config != NULL) own = *config;
    own.coordinator = pair.run.address;
    own.name = i == 0 ? "first" : "second";
    CHECK_OK(atollCommCreate(&pair.comms[i], &own));
    CHECK_OK(atollCommConnect(pair.comms[i]));
  }
  if (pthread_create(&thread, NULL, pair_meet, pair.comms[0]) != 0) exit(1);
  pair_meet(pair.comms[1]);
  pthread_join(thread, NULL);
  return pair;
}

static inline Pair pair_start(const atollCommConfig_t* config) {
  atollCoordinatorConfig_t coordinator = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  coordinator.min_replicas = 2;
  return pair_start_with(config, &coordinator);
}

static inline void pair_expect_work(Pair* pair) {
  PairMember members[2];
  pthread_t thread;
  int i;
  for (i = 0; i < 2; ++i) {
    members[i].comm = pair->comms[i];
    members[i].value = (float)(i + 1);
    members[i].contributors = 0;
  }
  if (pthread_create(&thread, NULL, pair_reduce, &members[0]) != 0) exit(1);
  pair_reduce(&members[1]);
  pthread_join(thread, NULL);
  for (i = 0; i < 2; ++i) {
    CHECK(members[i].value == 3);
    CHECK_EQUAL(members[i].contributors, 2);
  }
}

static inline void pair_stop(Pair* pair) {
  CHECK_OK(atollCommDestroy(pair->comms[0]));
  CHECK_OK(atollCommDestroy(pair->comms[1]));
  local_run_stop(&pair->run);
}
