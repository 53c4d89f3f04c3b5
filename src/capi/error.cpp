#include "base/limits.h"
#include "capi/guard.h"

namespace atoll_core::capi {
namespace {

thread_local std::string last_error;

// Where a sentence is cut that is made of too many names.
size_t cut_of(const std::string& text) noexcept {
  size_t end = limits::kSentenceBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return end;
}

}  // namespace

atollResult_t set_error(ErrorCode code, std::string message) noexcept {
  if (message.size() > limits::kSentenceBytes) message.resize(cut_of(message));
  last_error = std::move(message);
  return static_cast<atollResult_t>(code);
}

}  // namespace atoll_core::capi

const char* atollGetLastError(void) { return atoll_core::capi::last_error.c_str(); }

const char* atollGetErrorString(atollResult_t result) {
  switch (result) {
    case atollSuccess: return "success";
    case atollInProgress: return "the call is still in progress";
    case atollInvalidArgument: return "an argument is not valid";
    case atollInvalidUsage: return "the object is not in a state for this call";
    case atollMismatch: return "the peers' calls differ";
    case atollUnsupported: return "not supported";
    case atollDuplicatePeer: return "another live peer has this replica and shard";
    case atollVersionMismatch: return "no common protocol version";
    case atollStateConflict: return "the peers' states cannot be brought together";
    case atollOtherInstance: return "the coordinator drives another instance of the run";
    case atollSteppedDown: return "the coordinator has left the run to another one";
    case atollPeerLost: return "a peer was lost";
    case atollAborted: return "the call was aborted";
    case atollTimeout: return "the call took too long";
    case atollCancelled: return "the call was cancelled";
    case atollRootLost: return "the root of the broadcast was lost";
    case atollCoordinatorUnreachable: return "the coordinator cannot be reached";
    case atollOutcomeUnknown: return "the outcome of the call is not known";
    case atollEvicted: return "this peer was evicted from the run";
    case atollNotConnected: return "this peer is not part of a run";
    case atollOutOfMemory: return "out of memory";
    case atollSystemError: return "the operating system refused";
    case atollInternalError: return "an error inside Atoll: please report it";
  }
  return "unknown result";
}

atollResult_t atollGetVersion(int* version) {
  return atoll_core::capi::guard([&]() -> atoll_core::Result<void> {
    ATOLL_TRY(atoll_core::capi::require(version, "atollGetVersion", "version"));
    *version = ATOLL_VERSION;
    return {};
  });
}
