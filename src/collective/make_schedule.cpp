#include "collective/make_schedule.h"

#include "base/assert.h"

namespace atoll_core::collective {

const ScheduleRequest& check_request(const ScheduleRequest& request) {
  ATOLL_ASSERT(request.self < request.world && request.element_bytes > 0 &&
                   request.segments_in_flight > 0,
               "participant {} of {}, elements of {} bytes, segments_in_flight={}", request.self,
               request.world, request.element_bytes, request.segments_in_flight);
  return request;
}

}  // namespace atoll_core::collective
