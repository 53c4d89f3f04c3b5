"""Every header compiles alone, without warnings: the build compiles many of them as the first line
of their source file, and this test the others.

Arguments: --compiler (a command, perhaps with a launcher in front), --build (where the object
files go), further include folders after --include. The build is a scratch folder of its own, so a
compiler cache makes the second run cheap.
"""
import argparse
import re
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from repository import ROOT, list_files, read, report

JOBS = 2
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-c"]
FOLDERS = ("include", "src", "tests", "tools")
arguments = argparse.Namespace(compiler=["c++"], build=Path("."), include=[])


def headers():
    """Those of the library, the tests and the tools; Highway's for one target are no such."""
    return [path for path in list_files()
            if path.suffix in (".h", ".hpp") and path.parts[0] in FOLDERS
            and "HWY_TARGET_TOGGLE" not in read(path)]


def comes_first(header, source):
    """Whether a text includes the header, named with its folder, before anything else."""
    first = re.search(r'^\s*#\s*include\s*["<]([^">]+)[">]', source, re.MULTILINE)
    return first is not None and str(header).endswith("/" + first[1]) and "/" in first[1]


def is_compiled_by_the_build(header):
    source = header.with_suffix(".cpp")
    return (ROOT / source).is_file() and comes_first(header, read(source))


def compile_alone(name, text):
    """The compiler's complaints about a file that holds only `text`; empty when it compiles."""
    source = arguments.build / (name.replace("/", "_") + ".cpp")
    source.parent.mkdir(parents=True, exist_ok=True)
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    folders = [f"-I{ROOT / folder}" for folder in ("src", "include", "tests", ".")]
    folders += [option for folder in arguments.include for option in ("-isystem", folder)]
    command = [*arguments.compiler, *FLAGS, *folders, str(source), "-o", str(source) + ".o"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else f"{name} does not compile alone:\n{run.stderr[:2000]}"


class HeadersTest(unittest.TestCase):
    def test_each_compiles_alone(self):
        with ThreadPoolExecutor(JOBS) as pool:
            problems = [text for text in pool.map(
                lambda path: compile_alone(str(path), f'#include "{ROOT / path}"\n'),
                [path for path in headers() if not is_compiled_by_the_build(path)]) if text]
        self.assertFalse(problems, report(problems))

    def test_there_are_headers(self):
        self.assertIn(Path("src/base/ids.h"), headers())


class HeadersSelfTest(unittest.TestCase):
    def test_sees_what_the_build_does_not_compile_alone(self):
        header = Path("src/base/ids.h")
        self.assertTrue(comes_first(header, '// It.\n#include "base/ids.h"\n#include <map>\n'))
        self.assertFalse(comes_first(header, '#include <map>\n#include "base/ids.h"\n'))
        self.assertFalse(comes_first(header, '#include "wire/ids.h"\n'))
        self.assertFalse(comes_first(header, "int number = 1;\n"))
        self.assertFalse(is_compiled_by_the_build(Path("src/base/bytes.h")))

    def test_sees_what_does_not_compile_alone(self):
        code = "std::string text();\n"
        self.assertTrue(compile_alone("self_test_bad", code))
        self.assertFalse(compile_alone("self_test_good", "#include <string>\n" + code))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", required=True, type=str.split)
    parser.add_argument("--build", required=True, type=Path)
    parser.add_argument("--include", nargs="*", default=[])
    arguments, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
