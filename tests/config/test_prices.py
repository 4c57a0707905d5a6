"""The price list: every price is dated, sourced and positive."""

import datetime

import pytest

from ray_bench.config.prices import list_prices, matching, price_of
from ray_bench.errors import ConfigError

PRICES = list_prices()


@pytest.mark.parametrize("price", PRICES, ids=lambda x: x.name)
def test_every_price_has_date_source_currency_and_is_positive(price):
    assert datetime.date(2020, 1, 1) < price.date <= datetime.date.today()
    assert price.source.startswith("https://")
    assert price.currency == "USD"
    assert price.price_per_hour > 0
    assert price.price_per_worker_hour * price.workers == pytest.approx(price.price_per_hour)
    assert 0.1 < price.price_per_worker_hour < 50


def test_names_differ():
    assert len({x.name for x in PRICES}) == len(PRICES)


def test_a_price_is_found_by_its_name_with_or_without_the_cloud():
    assert price_of("AWS/p4d.24XLARGE") is not None
    assert price_of("p4d.24xlarge") == price_of("aws/p4d.24xlarge")
    with pytest.raises(ConfigError, match=r"Did you mean 'aws/p4d.24xlarge'"):
        price_of("aws/p4d.24xlrge")


def test_all_words_of_a_filter_count():
    assert {x.name for x in matching("A100 aws")} == {"aws/p4d.24xlarge", "aws/p4de.24xlarge"}
    assert matching("") == PRICES
