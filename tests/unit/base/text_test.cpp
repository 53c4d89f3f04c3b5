#include "base/text.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core {
namespace {

TEST(PrintableText, IsFoundAsSuch) {
  for (const std::string text : {"", "island-3", "é環🏝", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
    EXPECT_EQ(find_unprintable(text), text.size()) << text;
  }
}

TEST(PrintableText, IllFormedUtf8IsFoundWhereItBegins) {
  const std::vector<std::string> ill_formed = {
      "\x80",              // a continuation without its lead
      "\xC0\xAF",          // overlong
      "\xC1\xBF",          // overlong
      "\xE0\x9F\xBF",      // overlong
      "\xED\xA0\x80",      // a surrogate
      "\xF0\x8F\xBF\xBF",  // overlong
      "\xF4\x90\x80\x80",  // above U+10FFFF
      "\xF5\x80\x80\x80",  // above U+10FFFF
      "\xE7\x92",          // cut off
      "\xE7\x92z",         // interrupted
      "\xFF",
      "\n",
      "\x7F",
      std::string(1, '\0'),
  };
  for (const std::string& bad : ill_formed) {
    EXPECT_EQ(find_unprintable("aé" + bad + "z"), 3u) << quote_bytes(as_bytes(bad));
  }
}

TEST(MakePrintable, CutsBetweenCharacters) {
  EXPECT_EQ(make_printable("ab🏝c", 7), "ab🏝c");
  EXPECT_EQ(make_printable("ab🏝c", 6), "ab🏝");
  EXPECT_EQ(make_printable("ab🏝c", 5), "ab");
  EXPECT_EQ(make_printable("ab🏝c", 0), "");
}

TEST(MakePrintable, ReplacesWhatCannotBeShown) {
  EXPECT_EQ(make_printable("a\tb\r\nc\xFFz\xE7\x92", 100), "a b  c?z??");
}

TEST(MakePrintable, AlwaysYieldsPrintableText) {
  std::mt19937_64 random(51);
  for (int round = 0; round < 2000; ++round) {
    std::string noise(random() % 40, ' ');
    for (char& byte : noise) byte = static_cast<char>(random() >> (random() % 3));
    const size_t bytes_max = random() % 40;
    const std::string text = make_printable(noise, bytes_max);
    ASSERT_LE(text.size(), bytes_max);
    ASSERT_EQ(find_unprintable(text), text.size()) << quote_bytes(as_bytes(noise), 40);
  }
}

TEST(QuoteBytes, EscapesAndCuts) {
  EXPECT_EQ(quote_bytes(as_bytes("GET \"\\\x16\xFF")), R"("GET \x22\x5c\x16\xff")");
  EXPECT_EQ(quote_bytes(as_bytes("0123456789"), 4), "\"0123\"");
}

}  // namespace
}  // namespace atoll_core
