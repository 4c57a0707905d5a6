"""An error that cannot travel between processes keeps its words."""

from __future__ import annotations

import pytest

from ray_bench.errors import WorkerFailedError
from ray_bench.launch.worker import telling_cause
from tests.faulty import UnpicklableError, raise_the_odd


class TwoWordsError(Exception):
    """Is pickled with one argument, and needs two."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def raise_two_words() -> None:
    raise TwoWordsError("planted:", "two words")


def test_of_one_that_cannot_be_pickled_the_words_and_the_place_are_kept():
    with pytest.raises(WorkerFailedError) as caught, telling_cause():
        raise_the_odd()
    words = str(caught.value)
    assert words.startswith(f"{UnpicklableError.__name__}: planted: cannot be pickled (in raise_")
    assert "faulty.py:" in words


def test_of_one_that_cannot_be_unpickled_too():
    with (
        pytest.raises(WorkerFailedError, match="TwoWordsError: planted: two words"),
        telling_cause(),
    ):
        raise_two_words()


def test_others_pass_as_they_are():
    error = ValueError("bad data")
    with pytest.raises(ValueError, match="bad data") as caught, telling_cause():
        raise error
    assert caught.value is error
