"""What a form asks of a report."""

import pytest

from ray_bench.errors import ConfigError
from ray_bench.serve.wish import Wish, wish_of


def test_empty_fields_are_not_asked_for():
    assert wish_of() == Wish()
    assert wish_of().query == ""


def test_fields_come_back_in_the_address():
    wish = wish_of("deadline", "30min", "1.5", "EUR", "16", "90%")
    assert wish.asked == {
        "aim": "deadline=30min",
        "price_per_worker_hour": 1.5,
        "currency": "EUR",
        "max_workers": 16,
        "target": "accuracy>=90%",
    }
    assert wish.query == (
        "?aim=deadline%3D30min&price=1.5&currency=EUR&max_workers=16&target=accuracy%3E%3D90%25"
    )


def test_a_limit_of_an_aim_without_one_is_left_out():
    assert wish_of("fastest", "30min").aim == "fastest"


@pytest.mark.parametrize(
    "fields",
    [
        {"price": "abc"},
        {"price": "-1"},
        {"price": "nan"},
        {"price": "inf"},
        {"max_workers": "0"},
        {"max_workers": "1.5"},
        {"max_workers": "1e99"},
        {"target": "0"},
        {"target": "1.1"},
        {"target": "101%"},
        {"target": "nonsense"},
        {"target": "accuracy<=0.9"},
        {"currency": "<b>"},
        {"currency": "TOOLONGCODE"},
    ],
)
def test_nonsense_is_refused_with_how_to_write_it(fields):
    with pytest.raises(ConfigError, match=r"like|at most|write"):
        wish_of(**fields)
