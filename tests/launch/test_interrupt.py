"""Signals end a sweep: gently first, at once when they come again."""

from __future__ import annotations

import os
import signal

import pytest

from ray_bench.launch.interrupt import ending_gently


@pytest.fixture(autouse=True)
def _signals_as_before():
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = {name: signal.getsignal(name) for name in names}
    yield
    after = {name: signal.getsignal(name) for name in names}
    for name, handler in before.items():
        signal.signal(name, handler)
    assert after == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_before_tune_listens_a_signal_interrupts_at_once(number):
    said = []
    with pytest.raises(KeyboardInterrupt), ending_gently(lambda: said.append("stopping")):
        os.kill(os.getpid(), number)
    assert said == ["stopping"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tune_is_asked_first_and_a_second_signal_interrupts(number):
    asked, said = [], []
    with ending_gently(lambda: said.append("stopping")):
        original = signal.getsignal(number)

        def like_tune(*_) -> None:
            asked.append("tune")
            signal.signal(number, original)  # Tune puts back what was there when it started

        signal.signal(signal.SIGUSR1, like_tune)
        os.kill(os.getpid(), number)
        assert (said, asked) == (["stopping"], ["tune"])
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert said == ["stopping"]
