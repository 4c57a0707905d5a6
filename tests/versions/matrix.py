"""The combinations that are tried: together they touch every bound of pyproject.toml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What is installed together."""

    ray: str
    torch: str
    torchvision: str
    python: str
    lowest: bool = False  # whether every other dependency is the lowest that is allowed too

    @property
    def name(self) -> str:
        """Good for a folder."""
        lowest = "-lowest" * self.lowest
        return f"ray-{self.ray}_torch-{self.torch}_python-{self.python}{lowest}"


#: Each further torch and Python costs a download of gigabytes: few of them.
LOWEST_TORCH = {"torch": "2.7.0", "torchvision": "0.22.0"}
MIDDLE_TORCH = {"torch": "2.11.0", "torchvision": "0.26.0"}
NEWEST_TORCH = {"torch": "2.15.0", "torchvision": "0.29.2"}

MATRIX = (
    Versions(ray="2.51.0", python="3.11", **LOWEST_TORCH, lowest=True),
    Versions(ray="2.60.0", python="3.11", **NEWEST_TORCH),
    Versions(ray="2.60.0", python="3.13", **NEWEST_TORCH),
    Versions(ray="2.56.0", python="3.12", **MIDDLE_TORCH),
    Versions(ray="2.60.0", python="3.12", **MIDDLE_TORCH),
    Versions(ray="2.60.0", python="3.11", **LOWEST_TORCH),
)
