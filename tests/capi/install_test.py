"""Installs to an empty prefix and builds a program against that, once with find_package(atoll) and
once with pkg-config.

Arguments: cmake, the build folder, the C compiler, the version.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
#include <atoll/atoll.h>
#include <stdio.h>
int main(void) {
  int version = 0;
  if (atollGetVersion(&version) != atollSuccess || version != ATOLL_VERSION) return 1;
  printf("%s\\n", atollGetErrorString(atollSuccess));
  return 0;
}
"""
LISTS = """
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(atoll {version} REQUIRED)
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE atoll::atoll)
"""


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run([str(part) for part in command], check=True, text=True, **options)


def check_with_cmake(cmake, compiler, version, prefix, folder):
    Path(folder, "CMakeLists.txt").write_text(LISTS.format(version=version))
    # Ninja, which this project needs, too: the generator by default would be make.
    run(cmake, "-G", "Ninja", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={compiler}")
    run(cmake, "--build", folder / "build")
    run(folder / "build" / "consumer")


def check_with_pkg_config(compiler, version, prefix, folder):
    [pc_file] = prefix.rglob("atoll.pc")
    environment = dict(os.environ, PKG_CONFIG_PATH=str(pc_file.parent))
    found = run("pkg-config", "--modversion", "atoll", env=environment, capture_output=True)
    assert found.stdout.strip() == version, found.stdout
    flags = run("pkg-config", "--cflags", "--libs", "atoll", env=environment, capture_output=True)
    run(compiler, folder / "main.c", "-o", folder / "consumer", *flags.stdout.split())
    [library] = [path for path in prefix.rglob("libatoll.so.*") if not path.is_symlink()]
    run(folder / "consumer", env=dict(os.environ, LD_LIBRARY_PATH=str(library.parent)))


def check_files(prefix):
    for pattern in ("LICENSE", "atoll.hpp", "examples", "atollConfig.cmake"):
        assert list(prefix.rglob(pattern)), f"{pattern} was not installed"
    command = prefix / "bin" / "atoll"
    run(command, "--version")


def main():
    cmake, build, compiler, version = sys.argv[1:]
    for tool in ("pkg-config", compiler):
        assert shutil.which(tool), f"there is no {tool}"
    with tempfile.TemporaryDirectory() as name:
        prefix, folder = Path(name, "prefix"), Path(name, "consumer")
        folder.mkdir()
        (folder / "main.c").write_text(PROGRAM)
        run(cmake, "--install", build, "--prefix", prefix, stdout=subprocess.DEVNULL)
        check_files(prefix)
        check_with_cmake(cmake, compiler, version, prefix, folder)
        check_with_pkg_config(compiler, version, prefix, folder)


if __name__ == "__main__":
    main()
