#include "fuzz/control_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace atoll_core;
  fuzz::check_control_decoder(data, size, wire::decode_to_coordinator);
  return 0;
}
