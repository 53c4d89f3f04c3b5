// Plain TCP sockets on this computer for the drivers that use nothing else. What fails throws, with
// what was tried.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "bench/drivers/driver.h"

namespace driver {

inline int check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  return result;
}

// The port is found by dial() of any rank of the run.
inline int listen_for_others(const Options& options) {
  const int listener = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), "bind");
  check(::listen(listener, 64), "listen");
  check(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  const std::string path = options.folder + "/port." + std::to_string(options.rank);
  std::ofstream(path + ".new") << ntohs(address.sin_port) << "\n";
  check(std::rename((path + ".new").c_str(), path.c_str()), "rename");
  return listener;
}

inline int dial(const Options& options, unsigned rank) {
  const std::string path = options.folder + "/port." + std::to_string(rank);
  unsigned port = 0;
  while (!(std::ifstream(path) >> port)) ::poll(nullptr, 0, 1);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const int socket = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  check(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  return socket;
}

inline int without_delay(int socket) {
  const int one = 1;
  check(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "TCP_NODELAY");
  return socket;
}

}  // namespace driver
