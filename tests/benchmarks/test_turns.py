"""Turns: the clock stands still between them, and lines arrive whole."""

import json
import socket
import sys

import pytest

from benchmarks.player import PausableClock, Player, Stopped
from benchmarks.turns import ArmFailed, ArmSpec, Turn, arms_of, play
from tests.fakes import FakeClock

ARM = """
import json, sys, time
from benchmarks.player import Player, Stopped
job = json.load(open(sys.argv[1]))
player = Player(job["address"], 0)
player.hello({"began": 1.0})
player.ready(job["steps"])
try:
    while True:
        steps = player.wait()
        player.done(steps, steps * job["step_s"], 7)
except Stopped:
    pass
"""


def spec(name, code=ARM, **job):
    return ArmSpec(
        name=name,
        command=[sys.executable, "-c", code],
        num_ranks=1,
        job={"steps": 3, "step_s": 0.5, **job},
        environment={},
    )


def test_clock_stands_still_in_a_pause():
    inner = FakeClock()
    clock = PausableClock(inner)
    begin_ns = clock.now_ns()
    inner.advance(1.0)
    with clock.paused():
        inner.advance(60.0)
    inner.advance(0.5)
    assert (clock.now_ns() - begin_ns) * 1e-9 == pytest.approx(1.5)


def test_a_player_waits_for_its_turn_and_hears_the_end(tmp_path):
    address = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        player = Player(address, 1)
        referee = server.accept()[0]
    player.done(4, 0.25, 9)
    assert json.loads(referee.recv(1000)) == {"steps": 4, "seconds": 0.25, "memory": 9}
    referee.sendall(b'{"steps": 5}\n{"ste')
    assert player.wait() == 5
    referee.sendall(b'ps": 0}\n')
    with pytest.raises(Stopped):
        player.wait()
    referee.close()
    with pytest.raises(Stopped):
        player.wait()
    player.close()


def test_arms_take_turns_of_as_many_steps_as_the_first_says():
    with arms_of([spec("slow"), spec("quick", step_s=0.1, steps=1)]) as arms:
        turns = play(arms, 2, seed=0)
        assert turns["slow"] == [Turn(num_steps=3, seconds=1.5)] * 2
        assert [turn.step_s for turn in turns["quick"]] == pytest.approx([0.1, 0.1])
        assert arms[0].peak_memory_bytes == 7
        assert arms[0].stamps[0]["began"] == 1.0


def test_an_arm_that_dies_is_named_with_its_last_words():
    dead = spec("broken", "raise SystemExit('no such model')")
    with arms_of([dead]) as (arm,), pytest.raises(ArmFailed, match=r"(?s)broken.*no such model"):
        arm.start()
