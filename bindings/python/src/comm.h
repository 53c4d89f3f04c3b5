// The Python object `_core.Comm`, behind atoll.Communicator.
#pragma once

#include <memory>

#include "src/comm_handle.h"
#include "src/work.h"

namespace atoll_python {

// What all collectives take; as the Python half makes it of its keywords.
struct Options {
  explicit Options(const py::tuple& given);

  atollOpOptions_t c = ATOLL_OP_OPTIONS_INITIALIZER;
  bool dense = false;
  bool wait = true;
};

class Comm {
 public:
  explicit Comm(const Config& config) : handle_(std::make_shared<CommHandle>(config)) {}
  ~Comm();
  Comm(const Comm&) = delete;
  Comm& operator=(const Comm&) = delete;

  const std::shared_ptr<CommHandle>& handle() const { return handle_; }
  atollComm_t get() const { return handle_->get(); }

  // A new call, when no interrupted one is left.
  CallPointer make_call() const;
  // A rank of the last view, or a PeerId.
  uint64_t peer_id(py::handle peer, const char* what) const;
  // Blocks of a call in this group.
  uint64_t blocks(atollGroup_t group) const;
  // Room for what calls tell.
  std::unique_ptr<OpInfo> room_for_info(bool with_ranges) const;

 private:
  std::shared_ptr<CommHandle> handle_;
};

void bind_comm(py::module_& module);
void bind_collectives(py::class_<Comm>& comm);

}  // namespace atoll_python
