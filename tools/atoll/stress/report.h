// The lines that a worker writes to its standard output and the parent reads: a word, numbers, and
// in some a sentence up to the end of the line.
//
//   sync REVISION HASH DIGEST_HIGH DIGEST_LOW WORLD   a state sync has ended with this content
//   step REVISION HASH RETRIES                        a round is over, this revision is published
//   retry CODE SENTENCE                               a call gave a 2xx result
//   reconnect CODE SENTENCE                           a call gave a 3xx result
//   wrong SENTENCE                                    a result, an input or the state is not right
//   failed CODE SENTENCE                              a call gave a result that must not be
//   hang SENTENCE                                     a call has not ended in time
//   alive SENTENCE                                    nothing new: what the worker waits for
//   sample …                                          what it takes, as asked (soak_self.h)
//   left                                              as it was told to
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atoll_cli {

// One line in one write, so that lines of two threads never mix.
void report(const std::string& line);

struct ReportLine {
  std::string word;
  std::vector<uint64_t> numbers;
  std::string sentence;

  uint64_t number(size_t index) const { return index < numbers.size() ? numbers[index] : 0; }
};

ReportLine parse_report(std::string_view line);

}  // namespace atoll_cli
