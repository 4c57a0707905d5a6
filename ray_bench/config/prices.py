"""The list prices of cloud instances that come with ray_bench, each with its date and source."""

from __future__ import annotations

import datetime
import difflib
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ray_bench.config.yaml12 import Yaml12Loader
from ray_bench.errors import ConfigError

PATH = Path(__file__).parent / "prices.yaml"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ListPrice(_Model):
    """What an instance cost on demand on a certain day."""

    name: str = Field(description="Cloud and instance type, as in `aws/p4d.24xlarge`.")
    device: str = Field(description="What a worker gets.")
    workers: int = Field(ge=1, description="GPUs of the instance; 1 where it has none.")
    price_per_hour: Annotated[float, Field(gt=0)] = Field(description="Of the whole instance.")
    region: str = Field(min_length=1)
    date: datetime.date = Field(description="When it was listed.")
    source: str = Field(min_length=1, description="The page that lists it.")
    currency: str = Field(min_length=3, max_length=8)

    @property
    def price_per_worker_hour(self) -> float:
        """The share of one worker."""
        return self.price_per_hour / self.workers


def list_prices() -> tuple[ListPrice, ...]:
    """Return all list prices, as they are in the file."""
    values = yaml.load(PATH.read_text(encoding="utf-8"), Loader=Yaml12Loader)
    sources, currency = values["sources"], values["currency"]
    return tuple(
        ListPrice.model_validate(
            {"currency": currency, **row, "source": sources[row["source"]]}, strict=False
        )
        for row in values["prices"]
    )


def matching(words: str) -> tuple[ListPrice, ...]:
    """Return the prices whose name or device has all of these words, in any order and case."""
    wanted = words.casefold().split()
    return tuple(x for x in list_prices() if all(word in _text(x) for word in wanted))


def price_of(name: str) -> ListPrice:
    """Return the price of one instance.

    Raises:
        ConfigError: There is none of that name.
    """
    known = list_prices()
    found = [x for x in known if name.casefold() in (x.name.casefold(), _instance(x).casefold())]
    if len(found) == 1:
        return found[0]
    names = [x.name for x in known]
    near = difflib.get_close_matches(name, [*names, *map(_instance, known)], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigError(
        f"There is no price of {name!r}.{hint} `ray-bench prices` lists those there are; any other "
        "can be given as --price."
    )


def _instance(price: ListPrice) -> str:
    return price.name.partition("/")[2]


def _text(price: ListPrice) -> str:
    return f"{price.name} {price.device} {price.region}".casefold()
