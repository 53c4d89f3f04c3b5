#include "support/worker_test.h"

namespace atoll_test {

const char* worker_program() { return ATOLL_WORKER; }

}  // namespace atoll_test
