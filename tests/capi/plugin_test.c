/* The library as a plug-in finds it: loaded with dlopen, unloaded again, or there twice.
 *
 *   plugin_test CASE LIBRARY
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "atoll/atoll.h"

enum { kHangSeconds = 60 };

static int failures = 0;

static void check(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "not so: %s\n", what);
  ++failures;
}

static void* load(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return library;
}

/* ISO C has no way from an object pointer to a function. */
#define FUNCTION(library, name, pointer)                \
  do {                                                  \
    void* found = dlsym(library, name);                 \
    if (found == NULL) exit(1);                         \
    memcpy(&(pointer), &found, sizeof(pointer));        \
  } while (0)

/* ---- one that is unloaded ------------------------------------------------------------------- */

static int unload(const char* path) {
  atollResult_t (*install)(int);
  void* library = load(path);
  int ends[2];
  FUNCTION(library, "atollInstallDumpSignal", install);
  check(install(SIGUSR1) == atollSuccess, "the dump signal is installed");
  dlclose(library);
  if (pipe(ends) != 0) return 1;
  dup2(ends[1], 2);
  raise(SIGUSR1); /* its handler, and a thread, are of the library */
  check(dlopen(path, RTLD_NOW | RTLD_NOLOAD) != NULL, "the library stays");
  return failures != 0;
}

/* ---- two of them ---------------------------------------------------------------------------- */

typedef struct {
  atollResult_t (*create_coordinator)(atollCoordinator_t*, const atollCoordinatorConfig_t*);
  atollResult_t (*get_address)(atollCoordinator_t, const char**);
  atollResult_t (*run)(atollCoordinator_t);
  atollResult_t (*stop)(atollCoordinator_t);
  atollResult_t (*destroy_coordinator)(atollCoordinator_t);
  atollResult_t (*create)(atollComm_t*, const atollCommConfig_t*);
  atollResult_t (*connect)(atollComm_t);
  atollResult_t (*update)(atollComm_t, atollView_t*);
  atollResult_t (*all_reduce)(const void*, void*, uint64_t, atollDataType_t, atollRedOp_t,
                              atollComm_t, const atollOpOptions_t*, atollOpInfo_t*);
  atollResult_t (*destroy)(atollComm_t);
  atollResult_t (*install)(int);
  const char* (*last_error)(void);
} Copy;

static Copy copy_of(const char* path) {
  Copy copy;
  void* library = load(path);
  FUNCTION(library, "atollCoordinatorCreate", copy.create_coordinator);
  FUNCTION(library, "atollCoordinatorGetAddress", copy.get_address);
  FUNCTION(library, "atollCoordinatorRun", copy.run);
  FUNCTION(library, "atollCoordinatorStop", copy.stop);
  FUNCTION(library, "atollCoordinatorDestroy", copy.destroy_coordinator);
  FUNCTION(library, "atollCommCreate", copy.create);
  FUNCTION(library, "atollCommConnect", copy.connect);
  FUNCTION(library, "atollUpdate", copy.update);
  FUNCTION(library, "atollAllReduce", copy.all_reduce);
  FUNCTION(library, "atollCommDestroy", copy.destroy);
  FUNCTION(library, "atollInstallDumpSignal", copy.install);
  FUNCTION(library, "atollGetLastError", copy.last_error);
  return copy;
}

typedef struct {
  const Copy* copy;
  const char* address;
  float value;
  int rounds;
} Peer;

static void* work(void* argument) {
  Peer* peer = (Peer*)argument;
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollComm_t comm = NULL;
  int round;
  config.coordinator = peer->address;
  check(peer->copy->create(&comm, &config) == atollSuccess, "created");
  check(peer->copy->connect(comm) == atollSuccess, "connected");
  check(peer->copy->update(comm, NULL) == atollSuccess, "in the run");
  for (round = 0; round < 10; ++round) {
    float sum = 0;
    const atollResult_t result = peer->copy->all_reduce(&peer->value, &sum, 1, atollFloat32,
                                                        atollSum, comm, NULL, NULL);
    if (result == atollSuccess && sum == 3) ++peer->rounds;
    else fprintf(stderr, "%s\n", peer->copy->last_error());
  }
  check(peer->copy->destroy(comm) == atollSuccess, "destroyed");
  return NULL;
}

typedef struct {
  const Copy* copy;
  atollCoordinator_t coordinator;
} Serving;

static void* serve(void* argument) {
  const Serving* serving = (const Serving*)argument;
  check(serving->copy->run(serving->coordinator) == atollSuccess, "served");
  return NULL;
}

static void duplicate(const char* from, const char* to) {
  static char buffer[1 << 16];
  const int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700);
  ssize_t count;
  while ((count = read(in, buffer, sizeof(buffer))) > 0) {
    if (write(out, buffer, (size_t)count) != count) exit(1);
  }
  close(in);
  close(out);
}

/* A coordinator of one copy, a peer of each. */
static int two_copies(const char* path) {
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  char folder[] = "/tmp/atoll-plugin-XXXXXX", other[64];
  Copy copies[2];
  Peer peers[2];
  Serving serving;
  pthread_t server, thread;
  int i;
  if (mkdtemp(folder) == NULL) return 1;
  snprintf(other, sizeof(other), "%s/libatoll.so", folder);
  duplicate(path, other);
  copies[0] = copy_of(path);
  copies[1] = copy_of(other);
  unlink(other);
  rmdir(folder);
  check(copies[0].create != copies[1].create, "there are two");
  for (i = 0; i < 2; ++i) check(copies[i].install(SIGUSR1 + 2 * i) == atollSuccess, "dump signal");
  serving.copy = &copies[0];
  config.min_replicas = 2;
  if (copies[0].create_coordinator(&serving.coordinator, &config) != atollSuccess) return 1;
  if (pthread_create(&server, NULL, serve, &serving) != 0) return 1;
  for (i = 0; i < 2; ++i) {
    peers[i].copy = &copies[i];
    copies[0].get_address(serving.coordinator, &peers[i].address);
    peers[i].value = (float)(i + 1);
    peers[i].rounds = 0;
  }
  if (pthread_create(&thread, NULL, work, &peers[0]) != 0) return 1;
  work(&peers[1]);
  pthread_join(thread, NULL);
  for (i = 0; i < 2; ++i) check(peers[i].rounds == 10, "all rounds gave the sum");
  check(copies[0].stop(serving.coordinator) == atollSuccess, "stopped");
  pthread_join(server, NULL);
  check(copies[0].destroy_coordinator(serving.coordinator) == atollSuccess, "destroyed");
  return failures != 0;
}

int main(int argc, char** argv) {
  alarm(kHangSeconds);
  if (argc == 3 && strcmp(argv[1], "unload") == 0) return unload(argv[2]);
  if (argc == 3 && strcmp(argv[1], "two_copies") == 0) return two_copies(argv[2]);
  return 2;
}
