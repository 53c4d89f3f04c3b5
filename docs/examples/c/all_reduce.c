/* The smallest peer: meets the others, sums one vector with them, leaves.
 *
 *   atoll coordinator --listen 127.0.0.1:7700 --min-replicas 2 &
 *   all_reduce 127.0.0.1:7700 & all_reduce 127.0.0.1:7700
 */
#include <stdio.h>

#include <atoll/atoll.h>

static int check(const char* what, atollResult_t result) {
  if (result == atollSuccess) return 1;
  fprintf(stderr, "%s: %s: %s\n", what, atollGetErrorString(result), atollGetLastError());
  return 0;
}

int main(int argc, char** argv) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollOpInfo_t info = ATOLL_OP_INFO_INITIALIZER;
  atollComm_t comm = NULL;
  float values[4] = {0.5f, 1.0f, 2.0f, 4.0f};
  int ok;
  config.coordinator = argc > 1 ? argv[1] : "127.0.0.1:7700";

  ok = check("create", atollCommCreate(&comm, &config)) &&
       check("connect", atollCommConnect(comm)) &&
       check("update", atollUpdate(comm, &view)) && /* waits for the other peers */
       check("all-reduce",
             atollAllReduce(values, values, 4, atollFloat32, atollSum, comm, NULL, &info));
  if (ok) {
    printf("rank %u of %u: sum of %u contributors: %g %g %g %g\n", view.rank, view.world,
           info.contributors, values[0], values[1], values[2], values[3]);
    ok = check("leave", atollCommLeave(comm));
  }
  atollCommDestroy(comm);
  return ok ? 0 : 1;
}
