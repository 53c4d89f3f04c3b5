/* A process that dies while children of it live on, one forked and one that runs another program:
 * what it held is free at once. */
#include <spawn.h>

#include "atoll/atoll.h"
#include "support/check.h"
#include "support/forks.h"
#include "support/local_run.h"

extern char** environ;

typedef struct {
  int told[2]; /* pipes: the process that is to die says where its coordinator listens */
  int held[2]; /* its children live until this is closed */
} Pipes;

/* Its children have what they keep when it says so. The program that is executed has to say so
 * itself: posix_spawn returns a little before the kernel has closed there what is to be closed. */
static void live_on(const Pipes* pipes) {
  char* const command[] = {(char*)"/bin/sh", (char*)"-c", (char*)"echo r; exec cat", NULL};
  posix_spawn_file_actions_t actions;
  pid_t spawned;
  int ready[2];
  char byte = 0;
  if (pipe(ready) != 0) _exit(1);
  if (fork_child() == 0) {
    close(pipes->held[1]);
    if (write(ready[1], "r", 1) == 1 && read(pipes->held[0], &byte, 1) == 0) _exit(0);
    _exit(1);
  }
  CHECK(read(ready[0], &byte, 1) == 1);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes->held[0], 0);
  posix_spawn_file_actions_adddup2(&actions, ready[1], 1);
  posix_spawn_file_actions_addclose(&actions, pipes->held[1]);
  CHECK(posix_spawn(&spawned, command[0], &actions, NULL, command, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  CHECK(read(ready[0], &byte, 1) == 1);
}

/* A coordinator with a state directory, and a peer of it whose port is chosen. Calls nothing that
 * needs the process to be anything but freshly forked. */
static LocalRun start_with(const char* listen, const char* folder, const char* bind,
                           atollComm_t* comm) {
  atollCoordinatorConfig_t config = ATOLL_COORDINATOR_CONFIG_INITIALIZER;
  atollCommConfig_t comm_config = ATOLL_COMM_CONFIG_INITIALIZER;
  LocalRun run = {NULL, 0, NULL};
  config.listen = listen;
  config.state_dir = folder;
  config.new_run = 1;
  CHECK_OK(atollCoordinatorCreate(&run.coordinator, &config));
  if (check_failures != 0) return run;
  CHECK_OK(atollCoordinatorGetAddress(run.coordinator, &run.address));
  if (pthread_create(&run.thread, NULL, local_run_serve, run.coordinator) != 0) exit(1);
  comm_config.coordinator = run.address;
  comm_config.bind = bind;
  CHECK_OK(atollCommCreate(comm, &comm_config));
  CHECK_OK(atollCommConnect(*comm));
  CHECK_OK(atollUpdate(*comm, NULL));
  return run;
}

static void live_and_die(const Pipes* pipes, const char* folder, const char* bind) {
  atollComm_t comm = NULL;
  const LocalRun run = start_with("127.0.0.1:0", folder, bind, &comm);
  if (check_failures != 0) _exit(1);
  live_on(pipes);
  if (check_failures != 0) _exit(1);
  CHECK(write(pipes->told[1], run.address, strlen(run.address)) > 0);
  for (;;) pause();
}

/* That of a coordinator which is gone. */
static void choose_address(char* address, size_t size) {
  LocalRun run = local_run_start(1);
  snprintf(address, size, "%s", run.address);
  local_run_stop(&run);
}

static void ports_and_locks_are_free_at_once(void) {
  char folder[] = "/tmp/atoll-fork-XXXXXX", address[64], bind[64];
  atollComm_t comm = NULL;
  Pipes pipes;
  ssize_t length;
  pid_t parent;
  if (mkdtemp(folder) == NULL || pipe(pipes.told) != 0 || pipe(pipes.held) != 0) exit(1);
  choose_address(bind, sizeof(bind));
  parent = fork_child();
  if (parent == 0) live_and_die(&pipes, folder, bind);
  length = read(pipes.told[0], address, sizeof(address) - 1);
  CHECK(length > 0);
  kill(parent, SIGKILL);
  CHECK(waitpid(parent, NULL, 0) == parent);
  if (check_failures == 0) {
    LocalRun run;
    address[length] = '\0';
    run = start_with(address, folder, bind, &comm);
    if (run.coordinator != NULL) {
      CHECK_OK(atollCommDestroy(comm));
      local_run_stop(&run);
    }
  }
  close(pipes.held[1]); /* ends the children */
  remove_folder(folder);
}

int main(int argc, char** argv) {
  static const ForkCase kCases[] = {FORK_CASE(ports_and_locks_are_free_at_once)};
  return run_fork_cases(kCases, 1, argc, argv);
}
