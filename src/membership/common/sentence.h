// Sentences are made of what peers sent; none may outgrow what a decoder accepts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace atoll_core::membership {

// "a, b, c"
std::string join(const std::vector<std::string>& texts, std::string_view separator = ", ");

// Cuts there, never inside a character.
std::string bounded(std::string sentence, size_t bytes = limits::kSentenceBytes);

}  // namespace atoll_core::membership
