// All-reduce by MPI_Allreduce; mpirun says over what.
#include <cstdio>
#include <exception>
#include <vector>

#include <mpi.h>

#include "bench/drivers/driver.h"

namespace {

int run(int argc, char** argv) {
  driver::Options options = driver::parse(argc, argv);
  int rank = 0;
  int world = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  options.rank = static_cast<unsigned>(rank);
  options.world = static_cast<unsigned>(world);
  std::vector<float> data(options.bytes / sizeof(float));
  return driver::measure(options, data, [&data] {
    MPI_Allreduce(MPI_IN_PLACE, data.data(), static_cast<int>(data.size()), MPI_FLOAT, MPI_SUM,
                  MPI_COMM_WORLD);
  });
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int exit_code = 1;
  try {
    exit_code = run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "openmpi_driver: %s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return exit_code;
}
