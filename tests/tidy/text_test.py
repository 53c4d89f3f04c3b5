"""How files look: include style, header guards, no commented-out code, no notes to self, no binary
files, no folders at the top but the agreed ones."""
import re
import unittest
from pathlib import Path

from repository import ROOT, comments, cpp_files, includes, list_files, read, report, strip_cpp

TOP_FOLDERS = {"include", "src", "bindings", "tests", "bench", "tools", "docs", ".ci"}
INCLUDE_ROOTS = ["src", "include", "tests", "bindings/python", "."]
FILE_BYTES_MAX = 200_000
CORPUS_FILE_BYTES_MAX = 8192

# Highway's own examples include it with quotes.
GENERATED_OR_FOREIGN = re.compile(r"\.pb\.h$|^hwy/")
CODE_IN_COMMENT = re.compile(
    r"^\s*(#\s*(include|define|ifn?def|if|endif)\b"  # a directive
    r"|[\w:<>,&*\s.\[\]()-]*(\w\([^)]*\)|\s[-+*/|&]?=\s.+|\+\+|--)\s*;$"  # a call, an assignment
    r"|(\+\+|--)[\w.]+;$"
    r"|(if|for|while|switch)\s*\(.*\)\s*\{?$|\}?\s*else\s*\{$|return\b[^.]*;$|[{}]$)")
PYTHON_CODE_IN_COMMENT = re.compile(
    r"^\s*#\s*(import \w+$|from \w+ import |def \w+\(.*:$|return \w+\(|if .*:$"
    r"|[\w.]+ = [\w.]+\(.*\)$|[\w.]+\(.*\)$)")
NOTE_TO_SELF = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")


def check_includes(path, text, exists):
    """Quotes for our own headers, with the folder; brackets for the rest. Programs of tools/
    include what stands next to them, examples are written as their readers would."""
    if path.parts[0] == "docs":
        return []
    problems = []
    for number, spelling in includes(text):
        name = spelling[1:-1]
        ours = exists(name)
        sibling = str(path.parent / name)
        if spelling.startswith('"') and path.parts[0] == "tools" and exists(sibling):
            continue
        if spelling.startswith('"') and "/" not in name:
            problems.append(f"{path}:{number}: {spelling} lacks the folder")
        elif spelling.startswith('"') and not ours and not GENERATED_OR_FOREIGN.search(name):
            problems.append(f"{path}:{number}: there is no {spelling}")
        elif spelling.startswith("<") and ours and not name.startswith("atoll/"):
            problems.append(f"{path}:{number}: {spelling} is ours: use quotes")
    return problems


def is_own_header(name):
    return any((ROOT / root / name).is_file() for root in INCLUDE_ROOTS)


def check_header_guard(path, text):
    """#pragma once; the public headers and examples, for any compiler, have the classic guard.
    Highway's headers that are included once for each target toggle instead."""
    code = strip_cpp(text)
    if path.parts[0] == "docs":
        guarded = re.match(r"\s*#ifndef (\w+_H)\n#define \1\n", code)
    elif path.parts[0] == "include":
        guarded = code.lstrip().startswith("#ifndef ATOLL_" + path.name.upper().replace(".", "_"))
    else:
        guarded = code.lstrip().startswith("#pragma once") or "HWY_TARGET_TOGGLE" in code
    return [] if guarded else [f"{path}: does not begin with #pragma once"]


def commented_out_code(path, text):
    """Comments in front of or between statements that are statements themselves. Not those at the
    top of a file and not block comments: examples stand there."""
    problems = []
    first_code = next((number for number, line in enumerate(strip_cpp(text).split("\n"), start=1)
                       if line.strip()), 0)
    for number, comment in comments(text):
        if number < first_code or not comment.startswith("//"):
            continue
        if CODE_IN_COMMENT.match(comment.lstrip("/").rstrip()):
            problems.append(f"{path}:{number}: code in a comment: {comment}")
    return problems


def commented_out_python(path, text):
    return [f"{path}:{number}: code in a comment: {line.strip()}"
            for number, line in enumerate(text.split("\n"), start=1)
            if PYTHON_CODE_IN_COMMENT.match(line)]


def notes_to_self(path, text):
    return [f"{path}:{number}: {match.group()}: an open end belongs into the tracker"
            for number, line in enumerate(text.split("\n"), start=1)
            for match in [NOTE_TO_SELF.search(line)] if match]


def check_bytes(path, data):
    """Text of reasonable size, ending with a line end. The seeds of fuzz targets may be binary."""
    if "corpus" in path.parts:
        too_big = len(data) > CORPUS_FILE_BYTES_MAX
        return [f"{path}: {len(data)} bytes, too big for a corpus"] if too_big else []
    if len(data) > FILE_BYTES_MAX:
        return [f"{path}: {len(data)} bytes"]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return [f"{path}: not UTF-8 text"]
    if b"\0" in data:
        return [f"{path}: binary"]
    if data and not data.endswith(b"\n"):
        return [f"{path}: the last line has no end"]
    lines = [number for number, line in enumerate(data.split(b"\n"), start=1)
             if re.search(rb"[ \t\r]$", line)]
    return [f"{path}:{number}: space at the end of the line" for number in lines]


def check_top(paths):
    return [f"{path}: no folder {path.parts[0]} at the top" for path in paths
            if len(path.parts) > 1 and path.parts[0] not in TOP_FOLDERS]


class TextTest(unittest.TestCase):
    def test_cpp_files(self):
        problems = []
        for path in cpp_files():
            text = read(path)
            problems += check_includes(path, text, is_own_header)
            problems += commented_out_code(path, text)
            if path.suffix in (".h", ".hpp"):
                problems += check_header_guard(path, text)
        self.assertFalse(problems, report(problems))

    def test_all_files(self):
        problems = check_top(list_files())
        for path in list_files():
            data = (ROOT / path).read_bytes()
            problems += check_bytes(path, data)
            text = data.decode("utf-8", errors="replace")
            if "corpus" not in path.parts:
                problems += notes_to_self(path, text)
            if path.suffix == ".py":
                problems += commented_out_python(path, text)
        self.assertFalse(problems, report(problems))


class TextSelfTest(unittest.TestCase):
    PATH = Path("src/base/a.h")

    def test_sees_bad_includes(self):
        def exists(name):
            return name == "base/ids.h"
        self.assertTrue(check_includes(self.PATH, '#include "ids.h"\n', exists))
        self.assertTrue(check_includes(self.PATH, '#include "base/gone.h"\n', exists))
        self.assertTrue(check_includes(self.PATH, "#include <base/ids.h>\n", exists))
        good = '#include <vector>\n#include "base/ids.h"\n'
        self.assertFalse(check_includes(self.PATH, good, exists))

    def test_sees_missing_guard(self):
        self.assertTrue(check_header_guard(self.PATH, "// words\nint a;\n"))
        self.assertFalse(check_header_guard(self.PATH, "// words\n#pragma once\nint a;\n"))
        self.assertTrue(check_header_guard(Path("include/atoll/atoll.h"), "#pragma once\n"))

    def test_sees_code_in_comments(self):
        for code in ("// foo(bar);", "//  a = b + 1;", "// if (x) {", "// }", "//#include <vector>",
                     "// return 5;", "// std::vector<int> v(3);", "// ++i;"):
            self.assertTrue(commented_out_code(self.PATH, f"int a;\n{code}\n"), code)
        for words in ("// The first byte of text.size().", "// as a member; then the rest;",
                      "// returns 0 when size() is 0", "// - Foo: bar(x), and so on"):
            self.assertFalse(commented_out_code(self.PATH, f"int a;\n{words}\n"), words)
        self.assertFalse(commented_out_code(self.PATH, "// use: foo(bar);\n//   foo();\nint a;\n"))
        self.assertTrue(commented_out_python(self.PATH, "    # " "value = compute(1)\n"))
        self.assertFalse(commented_out_python(self.PATH, "    # the value of a run\n"))

    def test_sees_notes_to_self(self):
        self.assertTrue(notes_to_self(self.PATH, "int a;  // TO" "DO: more\n"))
        self.assertFalse(notes_to_self(self.PATH, 'mkdtemp("XX" "XXXX"); // XXH3\n'))

    def test_sees_bytes_that_are_no_text(self):
        self.assertTrue(check_bytes(self.PATH, b"\x7fELF\0\n"))
        self.assertTrue(check_bytes(self.PATH, b"\xff\xfe\n"))
        self.assertTrue(check_bytes(self.PATH, b"no end"))
        self.assertTrue(check_bytes(self.PATH, b"space \n"))
        self.assertTrue(check_bytes(self.PATH, b"x\n" * FILE_BYTES_MAX))
        self.assertTrue(check_bytes(Path("tests/fuzz/corpus/a"), b"x" * 10000))
        self.assertFalse(check_bytes(Path("tests/fuzz/corpus/a"), b"\0\xff"))

    def test_sees_folders_at_the_top(self):
        self.assertTrue(check_top([Path("scripts/a.sh")]))
        self.assertFalse(check_top([Path("README.md"), Path("src/base/a.h")]))


if __name__ == "__main__":
    unittest.main()
