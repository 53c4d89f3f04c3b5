// All-reduce by gloo: TCP over loopback, or under `atoll wanlab` between its hosts; ranks meet in a
// folder.
// --algorithm ring, ring-chunked, halving-doubling.
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gloo/algorithm.h>
#include <gloo/allreduce_halving_doubling.h>
#include <gloo/allreduce_ring.h>
#include <gloo/allreduce_ring_chunked.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>

#include "bench/drivers/driver.h"

namespace {

std::unique_ptr<gloo::Algorithm> make_algorithm(const std::string& name,
                                                const std::shared_ptr<gloo::Context>& context,
                                                std::vector<float>& data) {
  const std::vector<float*> pointers = {data.data()};
  const int count = static_cast<int>(data.size());
  if (name == "ring") {
    return std::make_unique<gloo::AllreduceRing<float>>(context, pointers, count);
  }
  if (name == "ring-chunked") {
    return std::make_unique<gloo::AllreduceRingChunked<float>>(context, pointers, count);
  }
  if (name == "halving-doubling") {
    return std::make_unique<gloo::AllreduceHalvingDoubling<float>>(context, pointers, count);
  }
  throw std::runtime_error("there is no algorithm '" + name + "'");
}

int run(int argc, char** argv) {
  const driver::Options options = driver::parse(argc, argv);
  gloo::transport::tcp::attr attributes;
  const char* const in_a_lab = std::getenv("ATOLL_WANLAB_ADDRESS");
  attributes.hostname = in_a_lab == nullptr ? "127.0.0.1" : in_a_lab;
  auto device = gloo::transport::tcp::CreateDevice(attributes);
  auto context = std::make_shared<gloo::rendezvous::Context>(options.rank, options.world);
  gloo::rendezvous::FileStore store(options.folder);
  context->connectFullMesh(store, device);
  std::vector<float> data(options.bytes / sizeof(float));
  const auto algorithm = make_algorithm(options.algorithm, context, data);
  return driver::measure(options, data, [&algorithm] { algorithm->run(); });
}

}  // namespace

int main(int argc, char** argv) {
  return driver::run_and_report("gloo_driver", run, argc, argv);
}
