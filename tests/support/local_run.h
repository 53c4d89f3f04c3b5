/* A coordinator on a thread of the test, and peers of it, for tests in C. */
#pragma once

#include <pthread.h>
#include <stdlib.h>

#include "atoll/atoll.h"
#include "support/check.h"

typedef struct {
  atollCoordinator_t coordinator;
  pthread_t thread;
  const char* address;
} LocalRun;

static inline void* local_run_serve(void* coordinator) {
  CHECK_OK(atollCoordinatorRun((atollCoordinator_t)coordinator));
  return NULL;
}

/* Ends the test program when even that is impossible. */
static inline LocalRun local_run_start(uint32_t min_replicas) {
  LocalRun run = {NULL, 0, NULL};
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  config.min_replicas = min_replicas;
  CHECK_OK(atollCoordinatorCreate(&run.coordinator, &config));
  CHECK_OK(atollCoordinatorGetAddress(run.coordinator, &run.address));
  if (check_failures != 0 ||
      pthread_create(&run.thread, NULL, local_run_serve, run.coordinator) != 0) {
    exit(1);
  }
  return run;
}

static inline void local_run_stop(LocalRun* run) {
  CHECK_OK(atollCoordinatorStop(run->coordinator));
  pthread_join(run->thread, NULL);
  CHECK_OK(atollCoordinatorDestroy(run->coordinator));
}

/* Connected, not yet a member. */
static inline atollComm_t local_run_connect(const LocalRun* run, const char* name) {
  atollComm_t comm = NULL;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  config.coordinator = run->address;
  config.name = name;
  CHECK_OK(atollCommCreate(&comm, &config));
  CHECK_OK(atollCommConnect(comm));
  return comm;
}

/* The only member of a run. */
static inline atollComm_t local_run_join_alone(const LocalRun* run) {
  atollComm_t comm = local_run_connect(run, "alone");
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  CHECK_OK(atollUpdate(comm, &view));
  CHECK_EQUAL(view.world, 1);
  return comm;
}

/* Numbers that are never zero and the same for the same seed. */
static inline uint32_t next_random(uint32_t* seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 8) | 1u;
}
