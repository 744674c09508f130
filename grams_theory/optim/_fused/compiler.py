"""C++ compiled by the machine's own compiler, once for each user, machine and source.

The libraries are kept in the folder `grams_theory` of the user's cache (XDG_CACHE_HOME, or ~/.cache), under names that
stand for the source, the flags, and what the compiler says of itself and of the processor. A library is moved there
when it is whole, so that processes may compile it at the same time. Where that folder cannot be written, each process
compiles its own.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
    *(["-mprefer-vector-width=512"] if platform.machine() == "x86_64" else []),
)
"""Numbers keep IEEE rounding: nothing lets the compiler reassociate or contract."""
ADVICE = "install g++, name your compiler in the environment variable CXX, or use fused=False"


@cache
def load(source: str, *definitions: str) -> ctypes.CDLL:
    """The library of that source, with a macro defined for each "NAME=value".

    Raises:
        RuntimeError: there is no C++ compiler, or it refuses; no folder allows that code is executed.
    """
    command = (*find(), *FLAGS, *(f"-D{definition}" for definition in definitions))
    kept = place(source, command)
    try:
        return ctypes.CDLL(str(kept))
    except OSError:  # not there, or not whole: a machine may have stopped while it was written
        pass
    with tempfile.TemporaryDirectory() as folder:
        built = _compile(command, source, folder)
        _keep(built, kept)
        return _loaded(built, kept)


def place(source: str, command: Sequence[str]) -> Path:
    """Where the library of that source and that command is kept."""
    digest = sha256("\0".join((source, *command, identity(*find()))).encode()).hexdigest()
    return _folder() / f"{digest[:32]}.so"


@cache
def find() -> tuple[str, ...]:
    """The command that runs the compiler.

    Raises:
        RuntimeError: there is none, or CXX is no command.
    """
    chosen = os.environ.get("CXX", "")
    try:
        named = shlex.split(chosen)
    except ValueError as problem:
        raise RuntimeError(f"CXX={chosen} is no command ({problem}); {ADVICE}") from problem
    for command in [named] if named else [["g++"], ["c++"], ["clang++"]]:
        if shutil.which(command[0]):
            return tuple(command)
    missing = f"CXX={named[0]} is" if named else "g++, c++ and clang++ are"
    raise RuntimeError(f"fused=True on the CPU needs a C++ compiler and {missing} not on the PATH; {ADVICE}")


@cache
def identity(*compiler: str) -> str:
    """The compiler's version and the processor's abilities, as the macros that it predefines tell them.

    Raises:
        RuntimeError: it does not know the processor it runs on.
    """
    return _run([*compiler, "-march=native", "-E", "-dM", "-x", "c++", os.devnull])


def _compile(command: Sequence[str], source: str, folder: str) -> Path:
    Path(folder, "kernel.cpp").write_text(source)
    built = Path(folder, "kernel.so")
    _run([*command, str(Path(folder, "kernel.cpp")), "-o", str(built)])
    return built


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        problem = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:300])
        raise RuntimeError(f"{command[0]} cannot compile the fused step ({problem.strip()}); {ADVICE}")
    return done.stdout


def _folder() -> Path:
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(chosen) if os.path.isabs(chosen) else Path(os.path.expanduser("~"), ".cache")
    return base / "grams_theory"


def _keep(built: Path, kept: Path) -> None:
    """Move the library into the cache in one piece, if that can be written."""
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=kept.parent, suffix=".partial")
        os.close(handle)
        try:
            shutil.copyfile(built, partial)
            os.replace(partial, kept)
        except OSError:
            os.unlink(partial)
            raise
    except OSError:
        pass


def _loaded(*places: Path) -> ctypes.CDLL:
    """The library from the first place where it can be: file systems may forbid that code is executed."""
    problems = []
    for place in places:
        try:
            return ctypes.CDLL(str(place))
        except OSError as problem:
            problems.append(str(problem))
    raise RuntimeError(
        f"the compiled step cannot be loaded ({'; '.join(problems)}): set TMPDIR or XDG_CACHE_HOME to a folder from "
        f"which code may be executed, or {ADVICE}"
    )
