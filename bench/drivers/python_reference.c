/* One peer of bench/python_overhead.py: ADDRESS COUNT REPEATS. The one of rank 0 prints the median
 * of its all-reduces of COUNT floats, in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <atoll/atoll.h>

static double now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

static int compare(const void* a, const void* b) {
  const double left = *(const double*)a, right = *(const double*)b;
  return (left > right) - (left < right);
}

int main(int argc, char** argv) {
  atollCommConfig_t config = ATOLL_COMM_CONFIG_INITIALIZER;
  atollView_t view = ATOLL_VIEW_INITIALIZER;
  atollComm_t comm;
  if (argc != 4) return 2;
  const size_t count = strtoul(argv[2], NULL, 10), repeats = strtoul(argv[3], NULL, 10);
  float* data = calloc(count, sizeof(float));
  double* times = calloc(repeats, sizeof(double));
  config.coordinator = argv[1];
  if (data == NULL || times == NULL || atollCommCreate(&comm, &config) != atollSuccess) return 1;
  if (atollCommConnect(comm) != atollSuccess || atollUpdate(comm, &view) != atollSuccess) return 1;
  for (size_t i = 0; i < repeats; ++i) {
    const double began = now_us();
    if (atollAllReduce(data, data, count, atollFloat32, atollSum, comm, NULL, NULL) != atollSuccess)
      return 1;
    times[i] = now_us() - began;
  }
  qsort(times, repeats, sizeof(double), compare);
  if (view.rank == 0) printf("%f\n", times[repeats / 2]);
  atollCommDestroy(comm);
  return 0;
}
