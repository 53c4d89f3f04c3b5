"""The first C program of README.md compiles as it stands, and two of it make a run together.

Arguments: the README, the C compiler, the include folder, the library, the program
coordinator_process.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT = 60


def first_c_block(markdown):
    return re.search(r"^```c\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL).group(1)


def build(code, compiler, include, library, folder):
    """The program that `code` is."""
    source, program = Path(folder, "readme.c"), Path(folder, "readme")
    source.write_text(code)
    subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                    f"-I{include}", str(source), library, f"-Wl,-rpath,{Path(library).parent}",
                    "-o", str(program)], check=True)
    return program


def run_two(program, coordinator):
    """The exit codes and outputs of two peers of one run."""
    with subprocess.Popen([coordinator, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as serving:
        try:
            address = serving.stdout.readline().strip()
            peers = [subprocess.Popen([str(program), address], stdout=subprocess.PIPE, text=True)
                     for _ in range(2)]
            return [(peer.communicate(timeout=TIMEOUT)[0], peer.returncode) for peer in peers]
        finally:
            serving.stdin.close()


def main():
    readme, compiler, include, library, coordinator = sys.argv[1:]
    code = first_c_block(Path(readme).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        program = build(code, compiler, include, library, folder)
        for output, code in run_two(program, coordinator):
            print(output, end="")
            if code != 0 or "2 peers" not in output:
                sys.exit(f"a peer ended with {code} and said {output!r}")


if __name__ == "__main__":
    main()
