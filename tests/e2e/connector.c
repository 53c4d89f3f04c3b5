/* connector COORDINATOR CONNECT_TIMEOUT_MS: connects once, prints the result and its sentence, and
 * ends as a program does that gives up. */
#include <stdio.h>
#include <stdlib.h>

#include "atoll/atoll.h"

int main(int argc, char** argv) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollComm_t comm = NULL;
  atollResult_t result;
  if (argc != 3) return 2;
  config.coordinator = argv[1];
  config.connect_timeout_ms = (uint32_t)strtoul(argv[2], NULL, 10);
  result = atollCommCreate(&comm, &config);
  if (result == atollSuccess) result = atollCommConnect(comm);
  printf("%s: %s\n", atollGetErrorString(result),
         result == atollSuccess ? "" : atollGetLastError());
  fflush(stdout);
  atollCommDestroy(comm);
  return 0;
}
