// One link: the logical channel to one peer over any number of connections that come and go. It
// stripes frames over the connections (whichever can write takes the next), numbers and
// acknowledges them, sends lost ones again, and keeps the credits. It knows neither views nor ops:
// an attempt is an opaque name to it. Without I/O: bytes move through the FrameStream of each
// connection; the owner is called back from there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"
#include "link/eager_credit.h"
#include "link/out_frame.h"
#include "link/rate_meter.h"
#include "link/receive_window.h"
#include "link/send_queue.h"
#include "link/send_window.h"
#include "wire/frame.h"

namespace atoll_core::link {

class FrameStream;
class Link;

// Where the payload of an incoming frame goes.
struct Placement {
  enum class Kind : uint8_t {
    kDirect,   // to `destination`, payload_bytes long, valid until the attempt is revoked
    kScratch,  // to memory of the connection, valid during deliver(); see Payload::holder
    kKeep,     // to memory of its own, handed over in deliver_kept()
    kDiscard,  // read and forgotten; the frame counts as arrived
  };
  Kind kind = Kind::kDiscard;
  MutableByteSpan destination;
};

// The payload of a frame, where place() said.
struct Payload {
  ByteSpan bytes;
  // Of one that was to go to scratch memory: null, or all of the memory in which it lies, from its
  // beginning on. Whoever keeps this may have it.
  std::shared_ptr<ByteBuffer> holder;
};

// The owner's callbacks. None may destroy the link or its streams.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  // A header has come. May be asked more than once for one frame (it was lost half-way).
  // An error breaks the connection.
  virtual Result<Placement> place(Link& link, const wire::FrameHeader& header) = 0;
  // The frame is whole, verified and new. What was placed kKeep of an eager frame counts against
  // the sender's credit until the owner says Link::let_go.
  virtual Result<void> deliver(Link& link, const wire::FrameHeader& header,
                               const Payload& payload) = 0;
  virtual Result<void> deliver_kept(Link& link, const wire::FrameHeader& header,
                                    ByteBuffer payload) = 0;
  // The connection's writer should ask for spans.
  virtual void wake(Link& link, ConnectionKey connection) = 0;
};

struct LinkConfig {
  PeerId peer;
  std::string peer_name;     // for sentences
  bool checksums = true;
  Duration ack_delay = std::chrono::milliseconds(20);
  uint32_t ack_frames = 64;  // acknowledge at once after so many frames
  HostMeter* host = nullptr;  // of all links of this peer; null: nothing is measured
  RateStretch stretch;
  BufferPool* buffers = nullptr;  // for what is read ahead of its place; null: the heap
  EagerPool* eager = nullptr;  // of all links of this peer; null: this one has no others beside it
};

struct LinkCounters {
  uint64_t payload_sent = 0;
  uint64_t payload_received = 0;
  uint64_t frames_resent = 0;
  uint64_t connections_given_up = 0;  // found silent

  LinkCounters& operator+=(const LinkCounters& part) {
    payload_sent += part.payload_sent;
    payload_received += part.payload_received;
    frames_resent += part.frames_resent;
    connections_given_up += part.connections_given_up;
    return *this;
  }
};

// A connection that is to be closed, although nothing has told that it is broken.
struct SilentConnection {
  ConnectionKey key = 0;
  std::string reason;
};

class Link {
 public:
  Link(LinkConfig config, LinkOwner& owner);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  PeerId peer() const { return config_.peer; }
  const std::string& peer_name() const { return config_.peer_name; }

  // The stream of the new connection, owned by the link until remove_connection.
  FrameStream& add_connection(ConnectionKey key);
  // Its unacknowledged frames go again elsewhere, or when there is a connection again.
  void remove_connection(ConnectionKey key);
  FrameStream* stream(ConnectionKey key);  // null: no such connection
  uint64_t waiting_frames() const { return queue_.waiting_frames(); }
  // Of them those that need no credit, such as answers; and the memory of their own.
  uint64_t free_frames() const { return queue_.free_frames(); }
  uint64_t free_bytes() const { return queue_.free_bytes(); }
  // All that may be sent now was handed to a connection, and all of that to the system.
  bool at_rest() const;
  // Frames that have not left, or have left and are lost.
  bool has_something_to_send() const {
    return queue_.waiting_frames() > 0 || send_window_.has_lost_of_calls();
  }
  size_t connections() const { return streams_.size(); }

  // A chunk of an attempt; goes when its credit allows.
  void send_chunk(OutFrame frame);
  // A frame that needs no credit.
  void send_free(OutFrame frame);

  // The receiver has posted the attempt and takes `total` bytes of it (a kCredit frame said so).
  void grant(const AttemptId& attempt, uint64_t total);

  // How much the other end may have on the way of calls that this one has not made.
  void set_eager_window(uint64_t bytes);
  // What came of `header`, which was eager, is not kept any more.
  void let_go(const wire::FrameHeader& header);
  // What this link may have to keep; see EagerReceiver.
  uint64_t eager_outstanding() const { return eager_.outstanding(); }

  // The attempt has ended: nothing of it is sent any more, nothing is written to its places, and
  // on return no stream refers to memory of the caller for it.
  void revoke(const AttemptId& attempt);

  void tick(TimePoint now);
  TimePoint next_deadline() const { return ack_deadline_; }
  // At regular times, several in `limit`: sends heartbeats, and finds the connections over which
  // nothing has passed for `limit`. For `slept` since the last pulse this process did not run; that
  // time counts against nobody.
  std::vector<SilentConnection> pulse(TimePoint now, Duration slept, Duration limit);
  const LinkCounters& counters() const { return counters_; }
  // What this link has reached by itself; 0: not known.
  uint64_t bytes_per_second() const { return meter_ ? meter_->bytes_per_second() : 0; }
  std::optional<TimePoint> last_heard() const { return last_heard_; }  // a frame came

 private:
  friend class FrameStream;

  // For the streams.
  const OutFrame* next_frame(ConnectionKey connection);
  bool ack_due() const { return ack_now_; }
  // What the link itself has to say, about its eager credit.
  std::optional<OutFrame> own_frame();
  bool has_own_frame() const {
    return !streams_.empty() && (given_back_ > 0 || eager_.due());
  }
  wire::FrameHeader stamp(wire::FrameHeader header);  // with the newest acknowledgement
  Result<Placement> header_arrived(TimePoint now, const wire::FrameHeader& header);
  Result<void> frame_arrived(TimePoint now, const wire::FrameHeader& header,
                             const Payload& payload, ByteBuffer* kept);
  void note_arrival(TimePoint now);
  void eager_arrived(uint64_t cost);
  void hear_credit(const wire::FrameHeader& header);
  Result<void> check_eager(const wire::FrameHeader& header) const;
  void wake_all();

  LinkConfig config_;
  LinkOwner& owner_;
  SendQueue queue_;
  SendWindow send_window_;
  ReceiveWindow receive_window_;
  EagerReceiver eager_;
  uint64_t given_back_ = 0;  // of the other end's eager credit, and not told yet
  std::map<ConnectionKey, std::unique_ptr<FrameStream>> streams_;
  uint32_t arrivals_unacknowledged_ = 0;
  bool ack_now_ = false;
  TimePoint ack_deadline_ = kNever;
  LinkCounters counters_;
  std::optional<RateMeter> meter_;
  std::optional<TimePoint> last_heard_;
};

}  // namespace atoll_core::link
