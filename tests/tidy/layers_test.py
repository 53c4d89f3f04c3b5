"""The rooms table of docs/ARCHITECTURE.md, src/*/CMakeLists.txt and the includes agree."""
import re
import unittest
from pathlib import Path

from repository import ROOT, cpp_files, includes, read, report, strip_cpp, table_rows

# What a library's headers look like. Those that the table gives to a room may be included there
# only; fmt, spdlog and tl::expected are base's and passed on to all.
LIBRARY_HEADERS = {
    "Asio": r"asio(\.hpp|/)",
    "libuv": r"uv\.h$",
    "OpenSSL": r"openssl/",
    "protobuf": r"google/protobuf/",
    "Highway": r"hwy/",
    "xxHash": r"xxhash\.h$",
    "nlohmann": r"nlohmann/",
    "CUDA": r"cuda",
    "NCCL": r"nccl",
}
# Machines get time, randomness and bytes from outside and leave logging to their shells.
FORBIDDEN_IN_MACHINES = re.compile(
    r"<(thread|mutex|condition_variable|future|random|iostream|fstream|unistd\.h|sys/.*|poll\.h"
    r"|netinet/.*|arpa/.*|netdb\.h|spdlog/.*|ctime|time\.h)>|\"base/log\.h\"")
CLOCKS = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock|random_device)\b")


def rooms_table(markdown):
    """{room: {"rooms": set, "libraries": set, "machine": bool}} in the order of the table."""
    rooms = {}
    for row in table_rows(markdown, "folder"):
        uses = row["may use"]
        if uses.startswith("all of the above"):
            allowed = set(rooms) - set(re.findall(r"\w+", uses.partition("but")[2]))
        else:
            allowed = set(re.findall(r"\w+", uses))
        rooms[row["folder"]] = {
            "rooms": allowed,
            "libraries": set(LIBRARY_HEADERS) & set(re.findall(r"[\w:]+", row["libraries"])),
            "machine": bool(re.search(r"\b(sans-I/O|pure)\b", row["holds"])),
        }
    return rooms


def linked_rooms(room, cmake):
    """The rooms that a src/ROOM/CMakeLists.txt links with; None when it does not define the room.
    The shared library is the one room that is not made by atoll_room()."""
    shared = re.search(r"\btarget_link_libraries\(atoll\s([^)]*)\)", cmake)
    if room == "capi" and shared:
        return set(re.findall(r"\batoll_(\w+)", shared.group(1))) - {"flags"}
    match = re.search(r"\batoll_room\(\s*(\w+)([^)]*)\)", cmake)
    if not match or match.group(1) != room:
        return None
    argument = re.search(r"\bROOMS\b([^A-Z]*)", match.group(2))
    return set(re.findall(r"\w+", argument.group(1))) if argument else set()


def check_cmake(room, cmake, rooms):
    """Problems of one src/ROOM/CMakeLists.txt."""
    if room not in rooms:
        return [f"src/{room}: not in the rooms table of docs/ARCHITECTURE.md"]
    linked, allowed = linked_rooms(room, cmake), rooms[room]["rooms"]
    if linked is None:
        return [f"src/{room}/CMakeLists.txt: no atoll_room({room} …)"]
    if linked == allowed:
        return []
    return [f"src/{room}/CMakeLists.txt: ROOMS differ from the table: "
            f"only here {sorted(linked - allowed)}, only there {sorted(allowed - linked)}"]


def parts_table(markdown):
    """{part: parts that it may use} of the rooms that have folders inside."""
    return {row["part"]: set(re.findall(r"[\w/]+", row["may use"])) | {row["part"]}
            for row in table_rows(markdown, "part")}


def check_parts(path, text, parts):
    """Problems of the includes of one file of src: a part of a room may know some others only."""
    part = "/".join(path.parts[1:-1])
    if part not in parts:
        return [f"{path}: {part} is in no table of docs/ARCHITECTURE.md"] if "/" in part else []
    problems = []
    for number, spelling in includes(text):
        target = spelling[1:-1].rpartition("/")[0]
        if target in parts and target not in parts[part]:
            problems.append(f"{path}:{number}: {part} may not include {spelling}")
    return problems


def allowed_rooms(path, rooms):
    """Which rooms a file may include; None: any."""
    if path.parts[0] == "src":
        return rooms.get(path.parts[1], {"rooms": set()})["rooms"] | {path.parts[1]}
    if path.parts[0] == "tools":
        return {"simulate"}
    if path.parts[0] == "bindings" or path.parts[:2] == ("docs", "examples"):
        return set()
    return None


def check_includes(path, text, rooms):
    """Problems of the includes of one file."""
    problems = []
    allowed = allowed_rooms(path, rooms)
    room = path.parts[1] if path.parts[0] == "src" else None
    for number, spelling in includes(text):
        where, name = f"{path}:{number}", spelling[1:-1]
        target = name.split("/")[0]
        if allowed is not None and target in rooms and target not in allowed:
            problems.append(f"{where}: {path.parts[0]}/{path.parts[1]} may not include {spelling}")
        if room is None:
            continue
        for library, pattern in LIBRARY_HEADERS.items():
            if re.match(pattern, name) and library not in rooms[room]["libraries"]:
                problems.append(f"{where}: {library} is not a library of {room}")
        if rooms[room]["machine"] and FORBIDDEN_IN_MACHINES.match(spelling):
            problems.append(f"{where}: {room} is sans-I/O and may not include {spelling}")
    if room and rooms[room]["machine"]:
        for match in CLOCKS.finditer(strip_cpp(text)):
            problems.append(f"{path}: {room} is sans-I/O and may not use {match.group()}")
    return problems


class LayersTest(unittest.TestCase):
    def setUp(self):
        self.rooms = rooms_table(read("docs/ARCHITECTURE.md"))

    def test_table_names_the_folders_of_src(self):
        folders = {path.parent.name for path in (ROOT / "src").glob("*/CMakeLists.txt")}
        self.assertEqual(folders, set(self.rooms))

    def test_parts_of_rooms_follow_their_table(self):
        parts = parts_table(read("docs/ARCHITECTURE.md"))
        folders = {str(path.parent.relative_to(ROOT / "src"))
                   for path in (ROOT / "src").glob("*/*/*.h")}
        self.assertEqual(folders, set(parts))
        problems = []
        for path in cpp_files():
            if path.parts[0] == "src":
                problems += check_parts(path, read(path), parts)
        self.assertFalse(problems, report(problems))

    def test_cmake_follows_the_table(self):
        problems = []
        for path in sorted((ROOT / "src").glob("*/CMakeLists.txt")):
            problems += check_cmake(path.parent.name, path.read_text(), self.rooms)
        self.assertFalse(problems, report(problems))

    def test_includes_follow_the_table(self):
        problems = []
        for path in cpp_files():
            problems += check_includes(path, read(path), self.rooms)
        self.assertFalse(problems, report(problems))


class LayersSelfTest(unittest.TestCase):
    TABLE = ("| folder | holds | may use | libraries | must never know |\n|---|---|---|---|---|\n"
             "| base | values | | fmt | all |\n| wire | bytes | base | protobuf | who |\n"
             "| link | sans-I/O: links | base | | Asio |\n"
             "| peer | shell | all of the above but wire | Asio | C |\n")

    def setUp(self):
        self.rooms = rooms_table(self.TABLE)

    def problems(self, path, text):
        return check_includes(Path(path), text, self.rooms)

    def test_reads_the_table(self):
        self.assertEqual(self.rooms["peer"]["rooms"], {"base", "link"})
        self.assertEqual(self.rooms["wire"]["libraries"], {"protobuf"})
        self.assertTrue(self.rooms["link"]["machine"])

    def test_sees_wrong_edges(self):
        self.assertTrue(self.problems("src/link/a.h", '#include "wire/frame.h"\n'))
        self.assertFalse(self.problems("src/link/a.h", '#include "base/ids.h"\n'))
        self.assertFalse(self.problems("src/link/a.h", '// #include "wire/frame.h"\n'))
        self.assertTrue(self.problems("tools/atoll/main.cpp", '#include "peer/peer.h"\n'))
        self.assertTrue(self.problems("bindings/python/a.cpp", '#include "link/world.h"\n'))

    def test_sees_wrong_libraries(self):
        self.assertTrue(self.problems("src/link/a.cpp", "#include <asio/ip/tcp.hpp>\n"))
        self.assertTrue(self.problems("src/peer/a.cpp", "#include <google/protobuf/message.h>\n"))
        self.assertFalse(self.problems("src/wire/a.cpp", "#include <google/protobuf/message.h>\n"))

    def test_sees_io_in_machines(self):
        self.assertTrue(self.problems("src/link/a.cpp", "#include <thread>\n"))
        self.assertTrue(self.problems("src/link/a.cpp", "std::chrono::steady_clock::now();"))
        self.assertFalse(self.problems("src/peer/a.cpp", "#include <thread>\n"))

    def test_sees_parts_that_know_each_other(self):
        parts = parts_table("| part | holds | may use |\n|---|---|---|\n"
                            "| link/common | both | |\n| link/here | one | link/common |\n"
                            "| link/there | the other | link/common |\n")
        problems = lambda path, text: check_parts(Path(path), text, parts)
        self.assertTrue(problems("src/link/here/a.h", '#include "link/there/b.h"\n'))
        self.assertTrue(problems("src/link/common/a.h", '#include "link/here/b.h"\n'))
        self.assertTrue(problems("src/link/nowhere/a.h", ""))
        self.assertFalse(problems("src/link/here/a.h", '#include "link/common/b.h"\n'))
        self.assertFalse(problems("src/peer/a.h", '#include "link/here/b.h"\n'))

    def test_sees_cmake_that_differs(self):
        self.assertTrue(check_cmake("link", "atoll_room(link ROOMS base wire)", self.rooms))
        self.assertTrue(check_cmake("link", "atoll_room(link)", self.rooms))
        self.assertTrue(check_cmake("star", "atoll_room(star ROOMS base)", self.rooms))
        self.assertFalse(
            check_cmake("link", "atoll_room(link ROOMS\n  base LIBRARIES Foo::Bar)", self.rooms))
        self.assertEqual(linked_rooms("capi", "target_link_libraries(atoll PRIVATE atoll_flags\n"
                                      "  atoll_base atoll_peer)"), {"base", "peer"})


if __name__ == "__main__":
    unittest.main()
