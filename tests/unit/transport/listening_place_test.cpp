#include "transport/listening_place.h"

#include <gtest/gtest.h>

namespace atoll_core::transport {
namespace {

const ListeningPlace kAll{};
const ListeningPlace kFiltered{"", true};

TEST(ListeningPlace, IsAllAddressesWhereTheCoordinatorIsElsewhere) {
  EXPECT_EQ(listening_place({{"10.0.0.1", 7}}, {}), kAll);
  EXPECT_EQ(listening_place({{"coordinator.example", 7}}, {}), kAll);
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}, {"10.0.0.1", 7}}, {}), kAll);
  EXPECT_EQ(listening_place({{"fe80::1%eth0", 7}}, {}), kAll);
}

TEST(ListeningPlace, IsTheLoopbackAddressOfTheCoordinatorsFamily) {
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}}, {}), (ListeningPlace{"127.0.0.1", true}));
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}, {"127.0.0.2", 8}}, {}),
            (ListeningPlace{"127.0.0.1", true}));
  EXPECT_EQ(listening_place({{"::1", 7}}, {}), (ListeningPlace{"::1", true}));
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}}, {{"127.0.0.1", 9}}),
            (ListeningPlace{"127.0.0.1", true}));
}

// Which of the two families will be spoken is not known yet.
TEST(ListeningPlace, IsAllAddressesForThisMachineWhereFamiliesAreMixed) {
  EXPECT_EQ(listening_place({{"localhost", 7}}, {}), kFiltered);
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}, {"::1", 7}}, {}), kFiltered);
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}}, {{"localhost", 0}}), kFiltered);
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}}, {{"127.0.0.5", 0}}), kFiltered);
}

// The coordinator's port may be that of a tunnel.
TEST(ListeningPlace, IsAllAddressesForWhoAdvertisesAnother) {
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}}, {{"192.0.2.1", 0}}), kAll);
  EXPECT_EQ(listening_place({{"127.0.0.1", 7}}, {{"127.0.0.1", 0}, {"host.example", 0}}), kAll);
}

}  // namespace
}  // namespace atoll_core::transport
