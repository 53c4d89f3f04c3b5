#include "base/error.h"

namespace atoll_core {

std::string_view error_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kSuccess: return "atollSuccess";
    case ErrorCode::kInProgress: return "atollInProgress";
    case ErrorCode::kInvalidArgument: return "atollInvalidArgument";
    case ErrorCode::kInvalidUsage: return "atollInvalidUsage";
    case ErrorCode::kMismatch: return "atollMismatch";
    case ErrorCode::kUnsupported: return "atollUnsupported";
    case ErrorCode::kDuplicatePeer: return "atollDuplicatePeer";
    case ErrorCode::kVersionMismatch: return "atollVersionMismatch";
    case ErrorCode::kStateConflict: return "atollStateConflict";
    case ErrorCode::kOtherInstance: return "atollOtherInstance";
    case ErrorCode::kSteppedDown: return "atollSteppedDown";
    case ErrorCode::kPeerLost: return "atollPeerLost";
    case ErrorCode::kAborted: return "atollAborted";
    case ErrorCode::kTimeout: return "atollTimeout";
    case ErrorCode::kCancelled: return "atollCancelled";
    case ErrorCode::kRootLost: return "atollRootLost";
    case ErrorCode::kCoordinatorUnreachable: return "atollCoordinatorUnreachable";
    case ErrorCode::kOutcomeUnknown: return "atollOutcomeUnknown";
    case ErrorCode::kEvicted: return "atollEvicted";
    case ErrorCode::kNotConnected: return "atollNotConnected";
    case ErrorCode::kOutOfMemory: return "atollOutOfMemory";
    case ErrorCode::kSystemError: return "atollSystemError";
    case ErrorCode::kInternalError: return "atollInternalError";
  }
  return "unknown error code";
}

}  // namespace atoll_core
