"""What a script writes is bounded, and tells why it failed."""

from __future__ import annotations

import os

import pytest

from ray_bench.launch.scripts.output import KEPT_BYTES, Output, failure_of

TRACE = """epoch 1
Traceback (most recent call last):
  File "train.py", line 3, in <module>
    main()
  File "train.py", line 2, in main
    raise {}
{}
[W123] destroyed process group
"""


def test_a_hundred_megabytes_keep_their_beginning_and_end():
    output, line = Output(), b"x" * 99 + b"\n"
    output.add(b"first\n")
    for _ in range(100):
        output.add(line * 10_486)
    output.add(b"last\n")
    kept = output.kept
    assert len(kept) < 2 * KEPT_BYTES + 100
    assert kept.startswith(b"first\n")
    assert kept.endswith(b"last\n")
    left_out = 100 * 10_486 * 100 + 11 - 2 * KEPT_BYTES
    assert f"... {left_out:,} bytes are left out here ...".encode() in kept
    shown = output.take_lines()
    assert shown[0] == "first"
    assert len(shown) < 200
    assert output.take_lines() == []


def test_bytes_that_are_no_text_are_kept_and_disturb_no_terminal():
    output, noise = Output(), os.urandom(1000).replace(b"\n", b"") + b"\x1b[2J\n10%\r20%\r\n"
    output.add(noise)
    assert output.kept == noise
    noisy, bar = output.take_lines()
    assert noisy.isprintable()
    assert bar == "20%"


def test_lines_that_are_not_shown_are_counted(monkeypatch):
    output = Output()
    monkeypatch.setattr("time.monotonic", lambda: 10.0)
    output.add(b"a\n" * 30)
    monkeypatch.setattr("time.monotonic", lambda: 12.0)
    output.add(b"b\n")
    assert output.take_lines() == ["a"] * 20 + ["(10 lines more)", "b"]


@pytest.mark.parametrize(
    ("text", "code", "kind", "words"),
    [
        (TRACE.format("x", "ValueError: planted"), 1, "ValueError", "planted"),
        (TRACE.format("x", "my.module.OwnError"), 1, "OwnError", "OwnError"),
        (TRACE.format("x", "torch.OutOfMemoryError: CUDA out of memory"), 1, "OutOfMemory", "CUDA"),
        (TRACE.format("x", "ModuleNotFoundError: No module named 'q'"), 1, "ModuleMissing", "'q'"),
        ("usage: t.py\nt.py: error: unrecognized arguments: --x", 2, "ScriptEnded", "--x"),
        ("", 3, "ScriptEnded", "exit code 3: it wrote nothing"),
        ("Killed?", -9, "WorkerDied", "SIGKILL (often the system's out-of-memory killer)"),
        ("", -250, "WorkerDied", "signal 250"),
    ],
)
def test_why_a_script_failed(text, code, kind, words):
    failure = failure_of(text, code, 4)
    assert (failure.type, failure.rank) == (kind, 4)
    assert words in failure.message
    if "Traceback" in text:
        assert failure.traceback.startswith("Traceback")
