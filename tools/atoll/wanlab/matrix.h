// The text of a matrix file: what single paths and hosts are like. docs/WANLAB.md has the format.
#pragma once

#include <string>

#include "tools/atoll/wanlab/settings.h"

namespace atoll_cli {

// Changes the settings line by line. Returns a sentence with the line's number when one cannot be
// read, and then the settings are half changed; empty otherwise.
std::string apply_matrix(const std::string& text, NetworkSettings& network);

}  // namespace atoll_cli
