#include "base/field_rules.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace atoll_core {
namespace {

TEST(FieldRules, ATextIsAsLongAsItMayBe) {
  EXPECT_EQ(problem_with_name(""), "");
  EXPECT_EQ(problem_with_name(std::string(128, 'x')), "");
  EXPECT_EQ(problem_with_name(std::string(129, 'x')), "has 129 bytes, at most 128 are allowed");
  EXPECT_EQ(problem_with_name(std::string(10000, '\n')),
            "has 10000 bytes, at most 128 are allowed");
  EXPECT_EQ(problem_with_host(std::string(255, 'h')), "");
  EXPECT_EQ(problem_with_host(std::string(256, 'h')), "has 256 bytes, at most 255 are allowed");
  EXPECT_EQ(problem_with_host(""), "is empty");
}

TEST(FieldRules, ATextIsPrintable) {
  EXPECT_EQ(problem_with_name("île de Groix"), "");
  EXPECT_EQ(problem_with_name("isl\xFF"), "is not printable UTF-8: byte 3 begins \"\\xff\"");
  EXPECT_EQ(problem_with_name("a\nb"), "is not printable UTF-8: byte 1 begins \"\\x0ab\"");
  EXPECT_NE(problem_with_name(std::string_view("a\0b", 3)), "");
}

TEST(FieldRules, NumbersAndListsHaveTheirBounds) {
  EXPECT_EQ(problem_with_number(1, 1, 5), "");
  EXPECT_EQ(problem_with_number(5, 1, 5), "");
  EXPECT_EQ(problem_with_number(0, 1, 5), "is 0, allowed are 1 to 5");
  EXPECT_EQ(problem_with_number(~uint64_t{0}, 1, 5),
            "is 18446744073709551615, allowed are 1 to 5");
  EXPECT_EQ(problem_with_list(5, 5), "");
  EXPECT_EQ(problem_with_list(6, 5), "has 6 elements, at most 5 are allowed");
}

TEST(QuotedText, IsPrintableAndNotLongerThanASentenceHasRoomFor) {
  EXPECT_EQ(quote_text("host:7700"), "'host:7700'");
  EXPECT_EQ(quote_text("a\nb\xFF"), "'a b?'");
  EXPECT_EQ(quote_text("ééé", 5), "'éé...'") << "cut between characters";
  EXPECT_LE(quote_text(std::string(10000, 'x')).size(), 305u);
}

}  // namespace
}  // namespace atoll_core
