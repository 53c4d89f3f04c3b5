"""What is in the package, and its documents: import, stub, types, examples, README."""
from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import atoll
import pytest
from support import SOON_S, run_python, start_python

TOP = Path(__file__).resolve().parents[3]
EXAMPLES = TOP / "docs" / "examples" / "python"
IMPORT_MS = 100


def test_versions_agree():
    assert version("atoll") == atoll.__version__


def test_importing_is_quick_and_starts_nothing():
    """The best of several warm tries, above the bare interpreter. Counted is CPU time, of which all
    of it consists: what else the machine does makes it no longer."""
    def cpu_seconds():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def took(code):
        times = []
        for _ in range(7):
            before = cpu_seconds()
            subprocess.run([sys.executable, "-I", "-c", code], check=True)
            times.append(cpu_seconds() - before)
        return min(times)

    took("import atoll")
    assert (took("import atoll") - took("pass")) * 1000 < IMPORT_MS
    run_python("""
        import sys
        before = set(sys.modules)
        import atoll, os
        assert len(os.listdir("/proc/self/task")) == 1
        loaded = set(sys.modules) - before
        assert not loaded & {"numpy", "torch", "asyncio", "multiprocessing"}, loaded
    """)


def test_the_command_is_inside():
    command = Path(sys.executable).with_name("atoll")
    shown = subprocess.run([str(command), "--version"], capture_output=True, text=True, check=True)
    assert atoll.__version__ in shown.stdout
    loaded = subprocess.run(["ldd", str(Path(atoll.__file__).parent / "_bin" / "atoll")],
                            capture_output=True, text=True, check=True).stdout
    assert str(Path(atoll.__file__).parent) in re.search(r"libatoll\S* => (\S+)", loaded)[1]


def test_every_public_name_is_explained():
    for name in atoll.__all__:
        thing = getattr(atoll, name)
        assert thing.__doc__, name
        for member, value in vars(thing).items():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert value.__doc__, f"{name}.{member}"


def test_errors_say_what_to_do():
    groups = {1: atoll.CallError, 2: atoll.RetryError, 3: atoll.ReconnectError,
              4: atoll.ResourceError, 5: atoll.InternalError}
    header = (TOP / "include" / "atoll" / "atoll.h").read_text()
    numbers = {int(number) for number in re.findall(r"^  atoll\w+ = ([1-5]\d\d)\b", header,
                                                    flags=re.MULTILINE)}
    kinds = {getattr(atoll, name).result: getattr(atoll, name) for name in atoll.__all__
             if isinstance(getattr(atoll, name), type)
             and issubclass(getattr(atoll, name), atoll.Error)}
    assert numbers == set(kinds) - {0}
    for number, kind in kinds.items():
        assert number == 0 or issubclass(kind, groups[number // 100])
    assert issubclass(atoll.Timeout, TimeoutError) and issubclass(atoll.Evicted, ConnectionError)
    assert issubclass(atoll.OutOfMemory, MemoryError)


def test_the_stub_is_what_the_extension_has():
    pytest.importorskip("mypy", reason="the stub is made on the interpreter that has mypy")
    command = [sys.executable, "-B", str(TOP / "tools" / "python_stubs.py"), "--check"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr


def check_types(*paths):
    pytest.importorskip("mypy")
    shown = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir",
                            str(TOP / "build" / "python" / "mypy"), *map(str, paths)],
                           capture_output=True, text=True, check=False, cwd=EXAMPLES)
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_types_of_the_examples_and_of_the_package():
    check_types(*sorted(EXAMPLES.glob("*.py")))
    check_types("-p", "atoll")


def test_a_wrong_type_is_found(tmp_path):
    pytest.importorskip("mypy")
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import atoll\n\ncomm = atoll.connect()\nx: str = comm.update().world\n"
                     "comm.barrier(tga=1)\n")
    with pytest.raises(AssertionError, match="(?s)Incompatible types.*tga"):
        check_types(wrong)


def run_example(name, *arguments, peers=1):
    pytest.importorskip("numpy") if name != "hello" else None
    with atoll.Coordinator(min_replicas=peers) as coordinator:
        environment = {"ATOLL_COORDINATOR": coordinator.address}
        code = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], " \
               "run_name='__main__')"
        running = [start_python(code, EXAMPLES / f"{name}.py", *arguments, environment=environment)
                   for _ in range(peers)]
        outputs = []
        for process in running:
            output, errors = process.communicate(timeout=SOON_S)
            assert process.returncode == 0, errors
            outputs.append(output)
        return outputs


def test_example_hello():
    [output] = run_example("hello")
    assert output.count("has heard 'hello'") == 2


def test_example_all_reduce():
    for output in run_example("all_reduce", 3, peers=2):
        assert output.count("the mean of 2 peers is 0.524") >= 1


def test_example_state():
    first, second = run_example("state", 4, peers=2)
    assert first.splitlines()[-1] == second.splitlines()[-1]
    assert "revision 4" in first and "weight 2.0" in first


def test_example_asyncio_work():
    [output] = run_example("asyncio_work")
    assert output == "[4.5, 4.5]\nthe other one has not come\n"


def test_example_diloco():
    first, second = run_example("diloco", 12, peers=2)
    assert first.splitlines()[-1] == second.splitlines()[-1]
    slope, offset = re.search(r"y = (\S+) x (\S+)", first.splitlines()[-1]).groups()
    assert abs(float(slope) - 3) < 0.2 and abs(float(offset) + 1) < 0.2


def test_every_example_is_run():
    tested = set(re.findall(r"def test_example_(\w+)", Path(__file__).read_text()))
    assert tested == {path.stem for path in EXAMPLES.glob("*.py")}


def test_the_benchmark_runs():
    shown = subprocess.run([sys.executable, str(TOP / "bench" / "python_overhead.py"), "--quick",
                            "--rounds", "1"], capture_output=True, text=True, check=True)
    assert re.search(r"4 KiB: C .* us .*, Python .* us", shown.stdout)


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_program_of_the_readme_as_it_stands():
    pytest.importorskip("numpy")
    [code] = python_blocks(TOP / "README.md")
    with atoll.Coordinator(min_replicas=2) as coordinator:
        environment = {"ATOLL_COORDINATOR": coordinator.address}
        running = [start_python("import sys; exec(sys.argv[1])", code, environment=environment)
                   for _ in range(2)]
        for process in running:
            output, errors = process.communicate(timeout=SOON_S)
            assert process.returncode == 0 and "2 peers" in output, errors


def test_the_guide_names_what_there_is():
    guide = (TOP / "docs" / "PYTHON.md").read_text()
    for name in atoll.__all__:
        assert f"{name}" in guide, name
    header = (TOP / "include" / "atoll" / "atoll.h").read_text()
    functions = set(re.findall(r"^ATOLL_API [\w *]*?\b(atoll\w+)\(", header, flags=re.MULTILINE))
    table = set(re.findall(r"\batoll[A-Z]\w+", guide))
    missing = {name for name in functions if not name.endswith("Async")} - table
    assert not missing, f"docs/PYTHON.md does not say what is called for {missing}"
    if os.environ.get("ATOLL_COORDINATOR") is None:
        for code in python_blocks(TOP / "docs" / "PYTHON.md"):
            compile(code, "docs/PYTHON.md", "exec")
