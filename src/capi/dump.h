// The state of communicators as text: on demand, when a call fails, and on a signal.
#pragma once

#include <string>

#include "base/error.h"
#include "capi/comm.h"

namespace atoll_core::capi {

// For a file and its name. May block.
Result<void> write_all(int file, const std::string& text, const std::string& path);

std::string state_text(const atollComm& comm);

// Writes the state where the configuration says so, when this is an error that wants it. At most
// one file per communicator and second and 16 per process. Returns the error as it is.
tl::unexpected<Error> dumped(atollComm& comm, Error error);

// Those that a dump signal writes.
void register_for_signal(atollComm& comm);
void unregister_for_signal(atollComm& comm);  // when it returns, nobody is writing its state

// Writes its file, or returns what is for standard error.
std::string dump_on_signal(const atollComm& comm) noexcept;
Result<void> install_dump_signal(int number);

}  // namespace atoll_core::capi
