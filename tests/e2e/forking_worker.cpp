// A member of a run that has child processes, as a trainer has data loaders.
//
//   forking_worker COORDINATOR CALLS forked|spawned|both
//
// Joins, takes part in CALLS all-reduces of one float, makes the children and prints "children PID
// ... are there", then waits to be killed. A forked child goes on as a copy of this process; a
// spawned one executes another program, and no handler of fork() runs in it. Both live for five
// minutes, whatever becomes of this process.
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "atoll/atoll.h"

extern char** environ;

namespace {

bool join(const char* coordinator, int calls) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollComm_t comm = nullptr;
  config.coordinator = coordinator;
  config.name = "forking";
  bool well = atollCommCreate(&comm, &config) == atollSuccess &&
              atollCommConnect(comm) == atollSuccess && atollUpdate(comm, nullptr) == atollSuccess;
  float value = 1;
  for (int i = 0; well && i < calls; ++i) {
    well = atollAllReduce(&value, &value, 1, atollFloat32, atollAvg, comm, nullptr, nullptr) ==
           atollSuccess;
  }
  return well;
}

// -1: none.
pid_t forked() {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::alarm(300);
  for (;;) ::pause();
}

pid_t spawned() {
  std::string program = "sleep";
  std::string seconds = "300";
  char* arguments[] = {program.data(), seconds.data(), nullptr};
  pid_t child = -1;
  return posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments, environ) == 0 ? child : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  if (!join(argv[1], std::atoi(argv[2]))) {
    std::printf("failed: %s\n", atollGetLastError());
    return 1;
  }
  const std::string kinds = argv[3];
  std::string line = "children";
  if (kinds != "spawned") line += " " + std::to_string(forked());
  if (kinds != "forked") line += " " + std::to_string(spawned());
  std::puts((line + " are there").c_str());
  std::fflush(stdout);
  for (;;) ::pause();
}
