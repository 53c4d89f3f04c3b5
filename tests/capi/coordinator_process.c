/* A coordinator for tests that start programs: prints its address, serves until its standard input
 * ends. The argument is how many peers the first view waits for. */
#include "atoll/atoll.h"
#include "support/check.h"
#include "support/local_run.h"

int main(int argc, char** argv) {
  LocalRun run = local_run_start(argc > 1 ? (uint32_t)atoi(argv[1]) : 1);
  printf("%s\n", run.address);
  fflush(stdout);
  while (getchar() != EOF) {
  }
  local_run_stop(&run);
  return check_status();
}
