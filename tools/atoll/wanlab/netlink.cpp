#include "tools/atoll/wanlab/netlink.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace atoll_cli {
namespace {

struct Address {
  uint8_t family = 0;
  uint32_t size = 0;
  std::array<uint8_t, 16> bytes{};
};

Address parse_address(const std::string& text) {
  Address address;
  address.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  address.size = address.family == AF_INET ? 4 : 16;
  if (::inet_pton(address.family, text.c_str(), address.bytes.data()) != 1) {
    throw std::runtime_error("'" + text + "' is no address");
  }
  return address;
}

[[noreturn]] void refuse(const std::string& what, int error) {
  throw std::runtime_error("the kernel refuses to " + what + ": " + std::strerror(error));
}

}  // namespace

// One message: a header, a body, attributes.
class Netlink::Request {
 public:
  template <class Body>
  Request(uint16_t type, const Body& body, uint16_t flags = 0) {
    header().nlmsg_type = type;
    header().nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header().nlmsg_len = NLMSG_LENGTH(sizeof body);
    std::memcpy(NLMSG_DATA(&header()), &body, sizeof body);
  }

  void add(uint16_t type, const void* value, size_t bytes) {
    const uint32_t begin = NLMSG_ALIGN(header().nlmsg_len);
    const auto length = static_cast<uint16_t>(RTA_LENGTH(bytes));
    if (begin + length > sizeof buffer_) throw std::logic_error("a netlink message is too long");
    const rtattr attribute{length, type};
    std::memcpy(buffer_ + begin, &attribute, sizeof attribute);
    if (bytes > 0) std::memcpy(buffer_ + begin + RTA_LENGTH(0), value, bytes);
    header().nlmsg_len = begin + length;
  }
  void add(uint16_t type, uint32_t value) { add(type, &value, sizeof value); }
  void add(uint16_t type, const Address& address) { add(type, address.bytes.data(), address.size); }

  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(buffer_); }

 private:
  alignas(nlmsghdr) char buffer_[512] = {};
};

Netlink::Netlink() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
  if (socket_ < 0) refuse("open a netlink socket", errno);
}

Netlink::~Netlink() { ::close(socket_); }

void Netlink::send(Request& request, const std::string& what) {
  nlmsghdr& header = request.header();
  header.nlmsg_seq = ++sequence_;
  if (::send(socket_, &header, header.nlmsg_len, 0) < 0) refuse(what, errno);
  alignas(nlmsghdr) char answer[4096];
  const ssize_t count = ::recv(socket_, answer, sizeof answer, 0);
  if (count < 0) refuse(what, errno);
  nlmsghdr reply{};
  nlmsgerr error{};
  if (static_cast<size_t>(count) < NLMSG_LENGTH(sizeof error)) refuse(what, EPROTO);
  std::memcpy(&reply, answer, sizeof reply);
  std::memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
  if (reply.nlmsg_type != NLMSG_ERROR || reply.nlmsg_seq != sequence_) refuse(what, EPROTO);
  if (error.error != 0) refuse(what, -error.error);
}

void Netlink::set_up(int interface, unsigned mtu, unsigned queue_packets) {
  ifinfomsg body{};
  body.ifi_index = interface;
  body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, body);
  if (mtu > 0) request.add(IFLA_MTU, mtu);
  if (queue_packets > 0) request.add(IFLA_TXQLEN, queue_packets);
  send(request, "set up an interface");
}

void Netlink::set_up(int interface) { set_up(interface, 0, 0); }

void Netlink::add_address(int interface, const std::string& text, unsigned prefix_bits) {
  const Address address = parse_address(text);
  ifaddrmsg body{};
  body.ifa_family = address.family;
  body.ifa_prefixlen = static_cast<uint8_t>(prefix_bits);
  body.ifa_index = static_cast<uint32_t>(interface);
  Request request(RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_EXCL);
  request.add(IFA_LOCAL, address);
  request.add(IFA_ADDRESS, address);
  const uint32_t v6_only = address.family == AF_INET6 ? uint32_t{IFA_F_NODAD} : 0;
  request.add(IFA_FLAGS, v6_only | IFA_F_NOPREFIXROUTE);
  send(request, "add the address " + text);
}

void Netlink::add_route(int interface, const std::string& text, unsigned prefix_bits,
                        const std::string& congestion) {
  const Address address = parse_address(text);
  Address network = address;
  for (unsigned bit = prefix_bits; bit < network.size * 8; ++bit) {
    network.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80u >> (bit % 8)));
  }
  rtmsg body{};
  body.rtm_family = address.family;
  body.rtm_dst_len = static_cast<uint8_t>(prefix_bits);
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = address.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, body, NLM_F_CREATE | NLM_F_EXCL);
  request.add(RTA_DST, network);
  request.add(RTA_OIF, static_cast<uint32_t>(interface));
  request.add(RTA_PREFSRC, address);
  std::string what = "add a route for " + text;
  if (!congestion.empty()) {
    const auto length = static_cast<uint16_t>(RTA_LENGTH(congestion.size() + 1));
    const rtattr inner{length, RTAX_CC_ALGO};
    std::string metrics(reinterpret_cast<const char*>(&inner), sizeof inner);
    metrics.append(congestion.c_str(), congestion.size() + 1);
    request.add(RTA_METRICS, metrics.data(), metrics.size());
    what += " with the congestion control " + congestion;
  }
  send(request, what);
}

}  // namespace atoll_cli
