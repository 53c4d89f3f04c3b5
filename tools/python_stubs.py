"""Writes the stub of the extension, atoll/_core.pyi, from the signatures that pybind11 puts into
docstrings. With --check it only compares, and says what differs.

Run by an interpreter that has the package: build/python/venv/bin/python tools/python_stubs.py"""
from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

from atoll import _core

STUB = Path(__file__).resolve().parents[1] / "bindings/python/atoll/_core.pyi"
HEADER = '''"""The C half of the package atoll. Made by tools/python_stubs.py: do not edit."""
from typing import Any, Sequence

'''
# pybind11's words for arguments, and those of the stub. What returns any object returns one whose
# type the Python half knows.
WORDS = [(r"\batoll\._core\.", ""), (r"\bcollections\.abc\.", ""), (r"\btyping\.", ""),
         (r"SupportsFloat \| SupportsIndex", "float"), (r"SupportsInt \| SupportsIndex", "int"),
         (r"\b(typing_extensions|types)\.CapsuleType\b", "object"),
         (r"-> object$", "-> Any"), (r"-> (dict|list|tuple)$", r"-> \1[Any, ...]"),
         (r"-> list\[Any, \.\.\.\]", "-> list[Any]"),
         (r": (dict|tuple)\b(?!\[)", r": \1[Any, ...]"), (r"dict\[Any, \.\.\.\]", "dict[str, Any]"),
         (r"\bself: \w+", "self"), (r"\barg0: (\w+)\) ->", r"value: \1) ->")]


def signature(function: object) -> str:
    """`name(self, argument: type) -> type` of something that pybind11 made."""
    line = (getattr(function, "__doc__", "") or "").strip().split("\n")[0]
    for pattern, words in WORDS:
        line = re.sub(pattern, words, line)
    return line


def lines_of_class(kind: type) -> list[str]:
    lines = []
    for name, member in sorted(vars(kind).items()):
        if isinstance(member, property):
            line = signature(member.fget)
            found = re.search(r"-> (.*)$", line)
            lines += ["    @property",
                      f"    def {name}(self) -> {found.group(1) if found else 'Any'}: ..."]
        elif name == "__init__" and "initialize self" not in str(member.__doc__).lower():
            lines.append(f"    def {signature(member)}: ...")
        elif callable(member) and not name.startswith("_"):
            lines.append(f"    def {signature(member)}: ...")
    return lines or ["    ..."]


def render() -> str:
    """The text of the stub."""
    parts = []
    for name, member in sorted(vars(_core).items()):
        if isinstance(member, type):
            parts.append("\n".join([f"class {name}:", *lines_of_class(member)]))
        elif callable(member) and not name.startswith("_"):
            parts.append(f"def {signature(member)}: ...")
    return HEADER + "\n\n".join(parts) + "\n"


def main() -> int:
    text, before = render(), STUB.read_text() if STUB.exists() else ""
    if "--check" not in sys.argv[1:]:
        STUB.write_text(text)
        return 0
    for line in difflib.unified_diff(before.splitlines(), text.splitlines(), str(STUB), "made",
                                     lineterm=""):
        print(line)
    return int(text != before)


if __name__ == "__main__":
    sys.exit(main())
