// How a script learns which port was chosen.
#pragma once

#include <string>

namespace atoll_cli {

// The file appears whole or not at all (written beside its place, then renamed). Returns what went
// wrong as a sentence; empty when nothing did.
std::string write_port_file(const std::string& path, const std::string& address);

}  // namespace atoll_cli
