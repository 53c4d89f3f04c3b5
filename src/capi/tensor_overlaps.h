// What the tensors of one call may share.
#pragma once

#include <cstddef>
#include <vector>

#include "base/error.h"
#include "peer/calls.h"

namespace atoll_core::capi {

// Refuses a recvbuff that shares bytes with the recvbuff or the sendbuff of another tensor of the
// call: the one would overwrite the result of the other, or what the other is still to read.
// Several tensors may read the same bytes. Each tensor by itself was checked before: its own two
// buffers are equal or apart. Takes n log n steps, since a batch may have 65536 tensors.
Result<void> check_overlaps(const std::vector<peer::TensorView>& tensors, size_t element_bytes,
                            const char* function);

}  // namespace atoll_core::capi
