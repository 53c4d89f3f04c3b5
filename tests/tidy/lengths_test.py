"""Files, functions and lines are short. exceptions.json names what is longer; it may only shrink:
an exception that is larger than what it excuses, or excuses nothing, is a failure."""
import json
import re
import unittest

from repository import ROOT, cpp_files, list_files, read, report, strip_cpp

COLUMNS = 100
FUNCTION_LINES = 70
COLUMN_SUFFIXES = {".h", ".hpp", ".inl", ".c", ".cpp", ".py", ".sh", ".cmake", ".proto"}
EXCEPTIONS = "tests/tidy/exceptions.json"

NAMESPACE = re.compile(r"(\bnamespace\b[\w:\s]*|extern\s*\"\")$")
TYPE = re.compile(r"^(template\s*<.*>\s*)?(typedef\s+)?(class|struct|union|enum)\b[^()]*$",
                  re.DOTALL)
ATTRIBUTE = re.compile(r"\b(ATOLL_API|alignas\([^)]*\)|__attribute__\(\(.*?\)\))\s*")
FUNCTION = re.compile(r"\)\s*(const|noexcept|override|final|mutable|&|\s|->[^;{}]*)*$")
MEMBER_INITIALIZER = re.compile(r"\)[^;]*[^:]:[^:].*[\w>]$", re.DOTALL)


def file_limit(path):
    if path.parts[0] == "include":
        return 900
    return 600 if path.parts[0] == "tests" else 500


def blank_lines_between(code):
    """Directives, with the lines they continue on, and access labels become empty lines."""
    code = re.sub(r"\b(public|private|protected)\s*:(?!:)", "", code)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: "\n" * match.group().count("\n"),
                  code, flags=re.MULTILINE)


def classify(header):
    """What a brace after `header` opens, outside of functions."""
    header = ATTRIBUTE.sub("", header.strip())
    if NAMESPACE.search(header):
        return "namespace"
    if TYPE.match(header):
        return "type"
    if FUNCTION.search(header):
        return "function"
    if MEMBER_INITIALIZER.search(header):
        return "initializer"
    return "other"


def function_name(header):
    """What stands before the parameter list."""
    flat = re.sub(r"\s+", " ", header)
    test = re.search(r"\b(TEST(?:_F|_P)?|RC_GTEST_PROP|TYPED_TEST)\(\s*(\w+)\s*,\s*(\w+)", flat)
    if test:
        return f"{test.group(2)}.{test.group(3)}"
    match = re.search(r"([\w:~]+|operator\S+)\s*\(", flat)
    return match.group(1) if match else flat.strip()[:40]


def functions(text):
    """(name, first line, number of lines) of each function definition."""
    code = blank_lines_between(strip_cpp(text))
    found, scopes, header_start, inner = [], [], 0, 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group()
        in_function = bool(scopes) and scopes[-1][0] in ("function", "initializer", "other")
        if in_function:
            inner += {"{": 1, "}": -1, ";": 0}[mark]
            if inner == 0:
                kind, name, first = scopes.pop()
                if kind == "function":
                    found.append((name, first, code.count("\n", 0, at) + 2 - first))
                if kind == "function":
                    header_start = at + 1
        elif mark == "{":
            header = code[header_start:at]
            kind = classify(header)
            lead = len(header) - len(header.lstrip())
            first = code.count("\n", 0, header_start + lead) + 1
            scopes.append((kind, function_name(header), first))
            if kind in ("namespace", "type"):
                header_start = at + 1
            else:
                inner = 1
        else:
            if mark == "}" and scopes:
                scopes.pop()
            header_start = at + 1
    return found


def measure():
    """{kind: {name: (measured, limit)}} for all that has a limit."""
    files, long_functions = {}, {}
    for path in cpp_files():
        text = read(path)
        files[str(path)] = (text.count("\n"), file_limit(path))
        for name, _, lines in functions(text):
            key = f"{path}:{name}"
            long_functions[key] = (max(lines, long_functions.get(key, (0, 0))[0]), FUNCTION_LINES)
    for path in list_files():
        if path.suffix == ".py":
            files[str(path)] = (read(path).count("\n"), file_limit(path))
    return {"file_lines": files, "function_lines": long_functions}


def compare(measured, exceptions):
    """Problems of what was measured, with the exceptions of the same kind."""
    problems = []
    for name, (value, limit) in sorted(measured.items()):
        allowed = exceptions.get(name, limit)
        if value > allowed:
            problems.append(f"{name}: {value} lines, at most {allowed}")
        elif name in exceptions and value <= limit:
            problems.append(f"{EXCEPTIONS}: {name} has {value} lines: remove the exception")
        elif value < allowed and name in exceptions:
            problems.append(f"{EXCEPTIONS}: {name} has shrunk: lower the exception to {value}")
    problems += [f"{EXCEPTIONS}: there is no {name}: remove the exception"
                 for name in exceptions if name not in measured]
    return problems


def long_lines(path, text):
    return [f"{path}:{number}: {len(line)} columns, at most {COLUMNS}"
            for number, line in enumerate(text.split("\n"), start=1) if len(line) > COLUMNS]


class LengthsTest(unittest.TestCase):
    def test_files_and_functions_are_short(self):
        exceptions = json.loads((ROOT / EXCEPTIONS).read_text())
        measured = measure()
        self.assertEqual(set(exceptions), set(measured))
        problems = []
        for kind in measured:
            problems += compare(measured[kind], exceptions[kind])
        self.assertFalse(problems, report(problems))

    def test_lines_are_short(self):
        problems = []
        for path in list_files():
            if path.suffix in COLUMN_SUFFIXES or path.name == "CMakeLists.txt":
                problems += long_lines(path, read(path))
        self.assertFalse(problems, report(problems))


class LengthsSelfTest(unittest.TestCase):
    SAMPLE = """
namespace atoll { namespace {
class Ring : public Schedule {
 public:
  Ring(int a, int b) : a_{a}, b_(b) {
    step();
  }
  bool complete() const override { return a_ == b_; }  // { not code
 private:
  int a_{0}, b_ = 0;
};
constexpr int kTable[] = {1, 2, 3};
#define MACRO(x) { \\
  x
template <class T>
auto pick(T value) -> std::vector<T> {
  if (value) {
    return {value};
  }
  const char* text = "}";
  return {};
}
}  // namespace
TEST(Ring, TurnsOnce) {
  run([] { return 1; });
}
}
"""

    def test_finds_functions(self):
        found = {name: (first, lines) for name, first, lines in functions(self.SAMPLE)}
        self.assertEqual(found, {"Ring": (5, 3), "complete": (8, 1), "pick": (15, 8),
                                 "Ring.TurnsOnce": (24, 3)})

    def test_sees_what_is_too_long(self):
        self.assertTrue(compare({"a": (71, 70)}, {}))
        self.assertFalse(compare({"a": (70, 70)}, {}))
        self.assertFalse(compare({"a": (90, 70)}, {"a": 90}))
        self.assertTrue(compare({"a": (91, 70)}, {"a": 90}))

    def test_exceptions_only_shrink(self):
        self.assertTrue(compare({"a": (80, 70)}, {"a": 90}))
        self.assertTrue(compare({"a": (60, 70)}, {"a": 60}))
        self.assertTrue(compare({}, {"a": 90}))

    def test_sees_long_lines(self):
        self.assertTrue(long_lines("a.h", "x" * 101))
        self.assertFalse(long_lines("a.h", "x" * 100))


if __name__ == "__main__":
    unittest.main()
