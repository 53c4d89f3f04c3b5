"""The files that belong to the repository, and a C and C++ text without its comments and strings.

Shared by the tidy tests. The root is the first of: the environment variable ATOLL_SOURCE, the
folder two above this file.
"""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(os.environ.get("ATOLL_SOURCE", Path(__file__).resolve().parents[2]))
IGNORED_FOLDERS = {".git", ".cache", "build", "out", "shared", "__pycache__"}
CPP_SUFFIXES = {".h", ".hpp", ".inl", ".c", ".cpp"}


def list_files():
    """Paths relative to the root: what git tracks or would track, without git all but outputs."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        names = {Path(name) for name in listing.stdout.decode().split("\0") if name}
    else:
        names = set(walk_files(ROOT))
    return sorted(name for name in names
                  if name.parts[0] not in IGNORED_FOLDERS and (ROOT / name).is_file())


def walk_files(top):
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in IGNORED_FOLDERS]
        for name in files:
            yield Path(folder, name).relative_to(top)


def cpp_files():
    return [path for path in list_files() if path.suffix in CPP_SUFFIXES]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


TOKEN = re.compile(r"""
    (?P<comment> //[^\n]*(?:\\\n[^\n]*)* | /\*.*?\*/ )
  | (?P<raw> R"(?P<delimiter>[^()\s\\]{0,16})\(.*?\)(?P=delimiter)" )
  | (?P<string> "(?:\\.|[^"\\\n])*" )
  | (?P<character> (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+' )
""", re.VERBOSE | re.DOTALL)


def blank(text):
    """As many lines as before, and nothing on them."""
    return "\n" * text.count("\n")


def strip_cpp(text):
    """Without comments; strings and characters become "" and ' '. Line numbers stay."""
    def replace(match):
        if match.group("comment"):
            return " " + blank(match.group())
        if match.group("character"):
            return "' '"
        return '""' + blank(match.group())
    return TOKEN.sub(replace, text)


def comments(text):
    """(line number, comment) of each // or /* */ comment."""
    for match in TOKEN.finditer(text):
        if match.group("comment"):
            yield text.count("\n", 0, match.start()) + 1, match.group("comment")


def includes(text):
    """(line number, spelling with its quotes or brackets) of each #include that is no comment."""
    code_lines = strip_cpp(text).split("\n")
    for number, line in enumerate(text.split("\n"), start=1):
        match = re.match(r'\s*#\s*include\s*(<[^>]+>|"[^"]+")', line)
        if match and number <= len(code_lines) and "include" in code_lines[number - 1]:
            yield number, match.group(1)


def table_rows(markdown, first_column):
    """The rows, as dictionaries, of the first table whose first column has this heading."""
    rows, header = [], None
    for line in markdown.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|"):
            if header:
                break
        elif header is None:
            header = cells if cells[0] == first_column else None
        elif not set("".join(cells)) <= set("-: "):
            rows.append(dict(zip(header, cells)))
    return rows


def report(problems):
    """The text of a failed test."""
    return "\n" + "\n".join(problems)
