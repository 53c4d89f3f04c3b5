// Sentences are made of what peers sent; none may outgrow what a decoder accepts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace atoll_core::membership {

// "a, b, c"
std::string join(const std::vector<std::string>& texts, std::string_view separator = ", ");

// Cuts at limits::kSentenceBytes, never inside a character.
std::string bounded(std::string sentence);

}  // namespace atoll_core::membership
