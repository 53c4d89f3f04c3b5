"""libatoll.so exports all functions of its C headers and nothing that is not called atoll…

Arguments: the header, which others lie beside, and the library.
"""
import re
import subprocess
import sys
from pathlib import Path


def declared(header):
    return set(re.findall(r"^ATOLL_API [\w *]*?\b(atoll\w+)\(", header, flags=re.MULTILINE))


def exported(listing):
    """The names in what nm prints, without versions."""
    return {line.split()[-1].split("@")[0] for line in listing.splitlines() if line.strip()}


def check(functions, symbols):
    problems = [f"{name} is exported" for name in sorted(symbols) if not name.startswith("atoll")]
    return problems + [f"{name} is not exported" for name in sorted(functions - symbols)]


def self_test():
    assert check({"atollWait"}, {"atollWait"}) == []
    assert check({"atollWait"}, {"atollTest"}) == ["atollWait is not exported"]
    assert check(set(), {"_ZN4core"}) == ["_ZN4core is exported"]
    assert exported("0001 T atollWait@@A\n") == {"atollWait"}
    assert declared("ATOLL_API const char* atollText(\nATOLL_API atollResult_t atollWait(") == {
        "atollText", "atollWait"}


def main():
    self_test()
    headers = sorted(Path(sys.argv[1]).parent.glob("*.h"))
    header = "".join(path.read_text(encoding="utf-8") for path in headers)
    functions = declared(header)
    listing = subprocess.run(["nm", "-D", "--defined-only", sys.argv[2]], check=True,
                             capture_output=True, text=True).stdout
    problems = check(functions, exported(listing))
    if len(functions) != len(re.findall(r"^ATOLL_API ", header, flags=re.MULTILINE)):
        problems.append(f"only {len(functions)} functions were understood in the header")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(functions)} functions")


if __name__ == "__main__":
    main()
