"""The pages agree with the sources: links and named files exist, the tables of docs/PROTOCOL.md
name the messages, frames and hello roles that there are, docs/HACKING.md the trace points."""
import re
import unittest
from pathlib import Path

from repository import ROOT, cpp_files, list_files, read, report, strip_cpp, table_rows

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
NAMED_PATH = re.compile(r"`((?:src|include|tests|tools|docs|bench|bindings)/[\w./-]*)`")
TRACE_CALL = re.compile(r"\btrace\w*\(([^;{}]*)\);")
TRACE_POINT = re.compile(r"\"([a-z]+(?:\.[a-z]+)*)\"")


def without_code(markdown):
    return re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)


def anchors(markdown):
    """The anchors that the headings get."""
    headings = re.findall(r"^#+ (.*)$", without_code(markdown), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path, markdown, exists, read_page):
    """Relative links lead to files and headings that exist, paths in backticks to files."""
    problems = []
    text = without_code(markdown)
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        page = (path.parent / name) if name else path
        if not exists(page):
            problems.append(f"{path}: the link to {target} leads nowhere")
        elif anchor and anchor not in anchors(markdown if not name else read_page(page)):
            problems.append(f"{path}: there is no heading for {target}")
    problems += [f"{path}: there is no `{name}`" for name in NAMED_PATH.findall(text)
                 if not exists(Path(name))]
    return problems


def variant_members(header, name):
    """The alternatives of `using NAME = std::variant<…>`."""
    match = re.search(rf"using {name} =\s*std::variant<([^>]*)>", header)
    return re.findall(r"\w+", match.group(1))


def oneof_members(proto, message):
    """The types of the oneof in a message of control.proto."""
    match = re.search(rf"message {message} {{\s*oneof \w+ {{(.*?)}}", proto, flags=re.DOTALL)
    return re.findall(r"^\s*(\w+) \w+ = \d+;", match.group(1), flags=re.MULTILINE)


def enum_values(header, name):
    """The values, without k, of an enum class."""
    match = re.search(rf"enum class {name}[^{{]*{{(.*?)}}", strip_cpp(header), flags=re.DOTALL)
    return re.findall(r"\bk(\w+)", match.group(1))


def compare(what, here, there):
    problems = [f"{what}: {name} is not in the table" for name in there if name not in here]
    return problems + [f"{what}: {name} is in the table only" for name in here if name not in there]


def check_messages(page, header, proto):
    """Problems of the message table."""
    problems = []
    rows = table_rows(page, "message")
    for sender, envelope in (("peer", "ToCoordinator"), ("coordinator", "ToPeer")):
        table = [row["message"].strip("`") for row in rows if row["sender"] == sender]
        problems += compare(f"messages of the {sender}", table, variant_members(header, envelope))
        problems += compare(f"messages of the {sender}", table, oneof_members(proto, envelope))
    problems += [f"messages: {row['message']} lacks a meaning" for row in rows
                 if not row["meaning"]]
    problems += [f"messages: {row['message']} has an unknown sender" for row in rows
                 if row["sender"] not in ("peer", "coordinator")]
    return problems


def trace_points(text):
    """What is given to functions called trace… in a source."""
    return {point for call in TRACE_CALL.findall(text) for point in TRACE_POINT.findall(call)}


def check_enum(page, column, header, enum):
    table = [row[column].strip("`") for row in table_rows(page, column)]
    return compare(enum, table, enum_values(header, enum))


class DocsTest(unittest.TestCase):
    def test_links(self):
        problems = []
        for path in list_files():
            if path.suffix == ".md":
                problems += check_links(path, read(path), lambda name: (ROOT / name).exists(), read)
        self.assertFalse(problems, report(problems))

    def test_protocol(self):
        page = read("docs/PROTOCOL.md")
        problems = check_messages(page, read("src/wire/control.h"), read("src/wire/control.proto"))
        problems += check_enum(page, "frame", read("src/wire/frame.h"), "FrameKind")
        problems += check_enum(page, "hello role", read("src/wire/hello.h"), "HelloRole")
        self.assertFalse(problems, report(problems))

    def test_message_table_comes_first(self):
        page = read("docs/PROTOCOL.md")
        self.assertLess(page.index("| message |"), 1500)

    def test_trace_points(self):
        listed = {row["point"].strip("`") for row in table_rows(read("docs/HACKING.md"), "point")}
        used = set()
        for path in cpp_files():
            if path.parts[0] == "src":
                used |= trace_points(read(path))
        self.assertFalse(used - listed, "not in docs/HACKING.md")
        self.assertFalse(listed - used, "only in docs/HACKING.md")


class DocsSelfTest(unittest.TestCase):
    HEADER = ("using ToCoordinator =\n  std::variant<Register, Leave>;\n"
              "using ToPeer = std::variant<Go>;")
    PROTO = ("message ToCoordinator {\n  oneof body {\n    Register registration = 16;\n"
             "    Leave leave = 17;\n  }\n}\n"
             "message ToPeer {\n  oneof body {\n    Go go = 16;\n  }\n}\n")
    TABLE = ("| message | sender | receiver | meaning |\n|---|---|---|---|\n"
             "| `Register` | peer | coordinator | first |\n"
             "| `Leave` | peer | coordinator | last |\n"
             "| `Go` | coordinator | peer | now |\n")

    def links(self, markdown):
        files = ("docs/B.md", "docs/A.md", "src/base/ids.h")
        return check_links(Path("docs/A.md"), markdown, lambda name: str(name) in files,
                           lambda name: "# Two Words\n")

    def test_sees_dead_links(self):
        self.assertTrue(self.links("[x](C.md)"))
        self.assertTrue(self.links("[x](B.md#three)"))
        self.assertTrue(self.links("see `src/base/gone.h`"))
        self.assertFalse(self.links("[x](B.md#two-words) `src/base/ids.h` [y](https://a.b)"))

    def test_sees_missing_messages(self):
        table, header, proto = self.TABLE, self.HEADER, self.PROTO
        self.assertFalse(check_messages(table, header, proto))
        self.assertTrue(check_messages(table.replace("Leave", "Left"), header, proto))
        self.assertTrue(check_messages(table, header.replace("Go", "Go, Stop"), proto))
        self.assertTrue(check_messages(table, header, proto.replace("Leave", "Bye")))
        self.assertTrue(check_messages(table.replace("| now", "| "), header, proto))

    def test_sees_missing_frames(self):
        header = "enum class FrameKind : uint8_t {\n  kData = 1,  // kNot\n  kAck = 2,\n};"
        table = "| frame | meaning |\n|---|---|\n| `Data` | a |\n| `Ack` | b |\n"
        self.assertFalse(check_enum(table, "frame", header, "FrameKind"))
        self.assertTrue(check_enum(table.replace("Ack", "Nack"), "frame", header, "FrameKind"))

    def test_finds_trace_points(self):
        self.assertEqual(trace_points('trace(x ? "op.begin" : "op.end"); trace_at( "freeze");'),
                         {"op.begin", "op.end", "freeze"})


if __name__ == "__main__":
    unittest.main()
