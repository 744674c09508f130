"""cvc5 in processes of its own: they are kept for the next question, and end themselves at a deadline."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

_PROGRAM = Path(__file__).with_name("_cvc5_program.py")
_idle: list[subprocess.Popen[str]] = []


def answer(
    script: str, names: list[str], options: Mapping[str, str], seconds: float
) -> dict[str, Any] | None:
    """The reply of `_cvc5_program.answer`, or None if there was none within so many seconds.

    Raises:
        RuntimeError: cvc5 does not start, or does not understand the script or an option.
    """
    process = _take()
    try:
        print(json.dumps([seconds, script, names, options]), file=_pipe(process.stdin), flush=True)
        line = _pipe(process.stdout).readline()
    except BaseException:  # after an interrupt, its late reply must not answer the next question
        _end(process)
        raise
    if not line:
        _end(process)
        return None
    _idle.append(process)
    reply = json.loads(line)
    if "error" in reply:
        raise RuntimeError(f"cvc5: {reply['error']}")
    return reply


def _take() -> subprocess.Popen[str]:
    while _idle:
        process = _idle.pop()
        if process.poll() is None:
            return process
        _end(process)
    return _start()


def _start() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is for the master
    )
    if not _pipe(process.stdout).readline():
        _end(process)
        raise RuntimeError("cvc5 does not start; is it installed? Try `pip install cvc5`")
    return process


def _pipe(stream: IO[str] | None) -> IO[str]:
    return cast(IO[str], stream)


def _end(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


def _end_idle() -> None:
    while _idle:
        _end(_idle.pop())


atexit.register(_end_idle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
