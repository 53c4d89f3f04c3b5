// What a long all-reduce of two can come to: a ring in segments over one plain non-blocking socket,
// reading before writing, with send buffer, segments and headers as Atoll has them. One thread; it
// waits in poll. No agreement, no other connections, no other peers.
// --algorithm plain, checksums (each chunk is hashed at both ends), backup (what is overwritten is
// kept, past the caches), or both.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <xxhash.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#if __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#endif
#endif

#include <cerrno>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/drivers/driver.h"
#include "bench/drivers/sockets.h"

namespace {

using driver::check;

constexpr size_t kChunkBytes = 255 << 10;
constexpr size_t kSegmentsInFlight = 8;
constexpr int kSendBuffer = 128 << 10;  // the kernel doubles it
constexpr size_t kHugePage = 2 << 20;
constexpr size_t kHeaderBytes = 128;
constexpr size_t kAligned = 16;  // elements, between two parts

enum Kind : uint32_t { kContribution, kResult };

struct Header {
  uint32_t kind;
  uint32_t segment;
  uint64_t bytes;
  uint64_t checksum;
  char rest[104];
};
static_assert(sizeof(Header) == kHeaderBytes);

void copy_past_caches(const char* from, char* to, size_t bytes) {
  size_t done = 0;
#if defined(__SSE2__)
  for (; done + sizeof(__m128i) <= bytes; done += sizeof(__m128i)) {
    const auto* source = reinterpret_cast<const __m128i*>(from + done);
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + done), _mm_loadu_si128(source));
  }
#endif
  std::memcpy(to + done, from + done, bytes - done);
}

void add(float* __restrict target, const float* __restrict source, size_t count) {
  for (size_t i = 0; i < count; ++i) target[i] += source[i];
}

class Pair {
 public:
  Pair(int socket, const driver::Options& options, std::vector<float>& data)
      : socket_(socket),
        self_(options.rank),
        checksums_(options.algorithm == "checksums" || options.algorithm == "both"),
        data_(data),
        segments_((options.bytes + 2 * kChunkBytes - 1) / (2 * kChunkBytes)),
        scratch_(options.bytes / sizeof(float) / segments_ + kAligned) {
    if (options.algorithm != "backup" && options.algorithm != "both") return;
    void* const memory = ::mmap(nullptr, options.bytes + 2 * kHugePage, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("no memory for a backup");
    const auto address = reinterpret_cast<uintptr_t>(memory);
    backup_ = reinterpret_cast<char*>((address + kHugePage - 1) / kHugePage * kHugePage);
    ::madvise(backup_, options.bytes, MADV_HUGEPAGE);
  }

  void all_reduce() {
    begun_ = reduced_ = results_ = kept_ = 0;
    begin_segments();
    while (results_ < segments_ || reduced_ < segments_ || !out_.empty()) {
      bool moved = false;
      while (results_ + reduced_ < 2 * segments_ && read()) moved = true;
      if (!out_.empty() && write()) moved = true;
      if (moved) continue;
      pollfd ready{socket_, static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
      ::poll(&ready, 1, -1);
    }
  }

 private:
  struct Frame {
    Header header;
    const char* payload;
    size_t sent = 0;
  };

  // The part of a segment that `rank` reduces.
  float* begin_of(size_t segment, unsigned rank) const {
    return data_.data() + boundary(2 * segment + rank);
  }
  size_t bytes_of(size_t segment, unsigned rank) const {
    const size_t part = 2 * segment + rank;
    return (boundary(part + 1) - boundary(part)) * sizeof(float);
  }
  size_t boundary(size_t part) const {
    if (part == 2 * segments_) return data_.size();
    return data_.size() / kAligned * part / (2 * segments_) * kAligned;
  }

  void push(Kind kind, size_t segment, unsigned rank) {
    Frame frame{{kind, static_cast<uint32_t>(segment), bytes_of(segment, rank), 0, {}},
                reinterpret_cast<const char*>(begin_of(segment, rank))};
    out_.push_back(frame);
  }

  void begin_segments() {
    for (; begun_ < segments_ && begun_ < results_ + kSegmentsInFlight; ++begun_) {
      push(kContribution, begun_, 1 - self_);
    }
  }

  void keep(const char* from, size_t bytes) {
    if (backup_ == nullptr) return;
    copy_past_caches(from, backup_ + kept_, bytes);
    kept_ += (bytes + kHeaderBytes - 1) / kHeaderBytes * kHeaderBytes;
  }

  // False: nothing was there.
  bool read() {
    const bool in_header = filled_ < sizeof(Header);
    char* const to = in_header ? reinterpret_cast<char*>(&in_) + filled_
                               : place_ + (filled_ - sizeof(Header));
    const size_t wanted = in_header ? sizeof(Header) - filled_
                                    : in_.bytes - (filled_ - sizeof(Header));
    const ssize_t got = ::recv(socket_, to, wanted, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    check(got < 0 ? -1 : 0, "recv");
    if (got == 0) throw std::runtime_error("the other end has closed");
    filled_ += static_cast<size_t>(got);
    if (in_header && filled_ == sizeof(Header)) find_place();
    if (filled_ == sizeof(Header) + in_.bytes) take();
    return true;
  }

  void find_place() {
    place_ = reinterpret_cast<char*>(scratch_.data());
    if (in_.kind == kContribution) return;
    place_ = reinterpret_cast<char*>(begin_of(in_.segment, 1 - self_));
    keep(place_, in_.bytes);
  }

  void take() {
    filled_ = 0;
    if (checksums_ && XXH3_64bits(place_, in_.bytes) != in_.checksum) {
      throw std::runtime_error("a chunk has changed on its way");
    }
    if (in_.kind == kResult) {
      ++results_;
      return begin_segments();
    }
    float* const own = begin_of(in_.segment, self_);
    keep(reinterpret_cast<const char*>(own), in_.bytes);
    add(own, scratch_.data(), in_.bytes / sizeof(float));
    push(kResult, in_.segment, self_);
    ++reduced_;
  }

  // False: there is no room.
  bool write() {
    Frame& frame = out_.front();
    if (checksums_ && frame.sent == 0) {
      frame.header.checksum = XXH3_64bits(frame.payload, frame.header.bytes);
    }
    const size_t of_header = frame.sent < sizeof(Header) ? sizeof(Header) - frame.sent : 0;
    const size_t of_payload = frame.sent < sizeof(Header) ? 0 : frame.sent - sizeof(Header);
    iovec parts[2] = {
        {reinterpret_cast<char*>(&frame.header) + (sizeof(Header) - of_header), of_header},
        {const_cast<char*>(frame.payload) + of_payload, frame.header.bytes - of_payload}};
    const ssize_t put = ::writev(socket_, parts, 2);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    check(put < 0 ? -1 : 0, "writev");
    frame.sent += static_cast<size_t>(put);
    if (frame.sent == sizeof(Header) + frame.header.bytes) out_.pop_front();
    return true;
  }

  int socket_;
  unsigned self_;
  bool checksums_;
  std::vector<float>& data_;
  size_t segments_;
  std::vector<float> scratch_;
  char* backup_ = nullptr;
  size_t kept_ = 0;  // bytes
  size_t begun_ = 0;
  size_t reduced_ = 0;  // here
  size_t results_ = 0;  // of the other one
  std::deque<Frame> out_;
  Header in_{};
  size_t filled_ = 0;  // of header and payload
  char* place_ = nullptr;
};

int run(int argc, char** argv) {
  const driver::Options options = driver::parse(argc, argv);
  if (options.world != 2) throw std::runtime_error("it takes two");
  int socket = -1;
  if (options.rank == 0) {
    socket = check(::accept(driver::listen_for_others(options), nullptr, nullptr), "accept");
  } else {
    socket = driver::dial(options, 0);
  }
  driver::without_delay(socket);
  check(::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer), "SO_SNDBUF");
  check(::fcntl(socket, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
  std::vector<float> data(options.bytes / sizeof(float));
  Pair pair(socket, options, data);
  return driver::measure(options, data, [&pair] { pair.all_reduce(); });
}

}  // namespace

int main(int argc, char** argv) {
  return driver::run_and_report("floor_pair_driver", run, argc, argv);
}
