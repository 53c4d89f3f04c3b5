// Addresses, routes and links of the calling thread's network namespace, by rtnetlink.
#pragma once

#include <cstdint>
#include <string>

namespace atoll_cli {

class Netlink {
 public:
  // Throws std::runtime_error, as all calls do when the kernel refuses; it says what was asked.
  Netlink();
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  void set_up(int interface, unsigned mtu, unsigned queue_packets);
  void set_up(int interface);  // as it is: loopback
  // `address` as text, IPv4 or IPv6; without a route.
  void add_address(int interface, const std::string& address, unsigned prefix_bits);
  // To the network of `address`; with a congestion control for its connections unless empty.
  void add_route(int interface, const std::string& address, unsigned prefix_bits,
                 const std::string& congestion);

 private:
  class Request;
  void send(Request& request, const std::string& what);

  int socket_ = -1;
  uint32_t sequence_ = 0;
};

}  // namespace atoll_cli
