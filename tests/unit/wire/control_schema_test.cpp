// The rules at the head of control.proto that the decoders rely on, checked in its text.
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace atoll_core::wire {
namespace {

struct Field {
  std::string type;
  std::string name;
  int number = 0;
};

struct Schema {
  std::set<std::string> messages;
  std::vector<Field> fields;
};

// Words only: "message NAME {" and "[optional|repeated] TYPE NAME = NUMBER;".
Schema read_schema() {
  Schema schema;
  std::ifstream file(ATOLL_CONTROL_PROTO);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "optional" || first == "repeated") words >> first;
    std::string name;
    std::string equals;
    Field field{first, "", 0};
    words >> name >> equals;
    if (first == "message") schema.messages.insert(name);
    if (equals != "=" || !(words >> field.number)) continue;
    field.name = name;
    schema.fields.push_back(field);
  }
  return schema;
}

TEST(ControlSchema, MessagesHaveNumbersFrom16AndNothingElseHas) {
  const Schema schema = read_schema();
  EXPECT_GT(schema.messages.size(), 30u);
  EXPECT_GT(schema.fields.size(), 100u);
  for (const Field& field : schema.fields) {
    EXPECT_EQ(schema.messages.count(field.type) == 1, field.number >= 16)
        << field.type << " " << field.name << " = " << field.number;
  }
}

TEST(ControlSchema, TextIsDeclaredAsBytes) {
  for (const Field& field : read_schema().fields) EXPECT_NE(field.type, "string") << field.name;
}

}  // namespace
}  // namespace atoll_core::wire
