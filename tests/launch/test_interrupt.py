"""Signals end a sweep: gently first, at once when they come again."""

from __future__ import annotations

import os
import signal

import pytest

from ray_bench.launch import interrupt
from ray_bench.launch.interrupt import INTERRUPTION, ending_gently

NAMES = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _signals_as_before():
    before = {name: signal.getsignal(name) for name in NAMES}
    yield
    after = {name: signal.getsignal(name) for name in NAMES}
    for name, handler in before.items():
        signal.signal(name, handler)
    INTERRUPTION.begin(lambda: None)
    assert after == before


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", NAMES)
def test_a_signal_interrupts_and_is_told(number):
    said = []
    with ending_gently(lambda: said.append("stopping")):
        with pytest.raises(KeyboardInterrupt):
            send(number)
        assert INTERRUPTION.asked_by == number.name
    assert said == ["stopping"]
    assert INTERRUPTION.asked_by is None  # the next sweep is not ended by it


def test_what_is_begun_is_finished_first():
    done = []

    def write() -> None:
        with INTERRUPTION.put_off(), INTERRUPTION.put_off():
            send(signal.SIGTERM)
            done.append("written")

    with pytest.raises(KeyboardInterrupt), ending_gently(lambda: None):
        write()
    assert done == ["written"]


def test_an_interrupt_that_foreign_code_swallowed_comes_again():
    with ending_gently(lambda: None):
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            INTERRUPTION.check()


def test_two_at_once_mean_one_and_a_later_one_ends_at_once(monkeypatch):
    with ending_gently(lambda: None):
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGHUP)
        send(signal.SIGTERM)  # as a terminal that closes and systemd do
        monkeypatch.setattr(interrupt, "TOGETHER_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def test_a_terminal_that_is_gone_does_not_keep_the_sweep_from_ending():
    def say() -> None:
        raise OSError("no terminal")

    with pytest.raises(KeyboardInterrupt), ending_gently(say):
        send(signal.SIGHUP)


def test_after_ray_has_taken_the_signal_it_is_taken_back():
    with ending_gently(lambda: None) as listen:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        listen()
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
