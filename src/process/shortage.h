// What the system has denied, as sentences that say who lacks what, and what to raise: "Too many
// open files" alone may be about this process or the computer, and reaches people on other
// computers.
#pragma once

#include <cstdint>
#include <string>

namespace atoll_core::process {

// For EMFILE and ENFILE; for other errors the system's own words.
std::string describe_shortage_of_descriptors(int error);
// For EAGAIN of pthread_create; for other errors the system's own words.
std::string describe_shortage_of_threads(int error);
bool is_shortage_of_descriptors(int error);

// How many descriptors this process may have, and how many of them are open. Counting takes a look
// at each of them: for rare moments.
struct DescriptorRoom {
  uint64_t limit = 0;
  uint64_t open = 0;
};
DescriptorRoom descriptor_room();

}  // namespace atoll_core::process
