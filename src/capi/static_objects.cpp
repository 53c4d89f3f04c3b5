// Threads of the library, and those of the program that are in a call, run on while a process ends:
// exit() may come at any time. So no static object of the library is destroyed, neither its own nor
// one of the headers that it is made of (Asio's error categories, say, which those threads use
// until the end). There is nothing that only a destructor would do: the system takes memory and
// sockets back.
//
// Each is registered by this function, which the linker finds here before that of the C library,
// for what is linked into libatoll.so and nothing else.
extern "C" __attribute__((visibility("hidden"))) int __cxa_atexit(void (*)(void*), void*,
                                                                  void*) noexcept {
  return 0;
}
