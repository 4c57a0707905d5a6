"""The report's pictures as Altair charts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from ray_bench.report.picture import Picture

if TYPE_CHECKING:
    import altair


@final
class Charts(Mapping[str, Any]):
    """Altair charts by the key of their picture; each is drawn when it is asked for.

    A chart shows itself in Jupyter. Where there is no network, choose Altair's renderer `svg`, or
    take `svg(key)`.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._pictures = {picture.key: picture for picture in pictures}

    def __getitem__(self, key: str) -> altair.TopLevelMixin:
        import altair

        from ray_bench.report.charts import WIDTH, vega_lite

        spec = vega_lite(self.picture(key), width=WIDTH, has_title=True)
        return altair.Chart.from_dict(json.loads(json.dumps(spec)))  # Altair wants lists

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def __repr__(self) -> str:
        return f"<charts: {', '.join(self) or 'none'}>"

    def picture(self, key: str) -> Picture:
        """Return what a chart says: its numbers, its title, and itself in words (`alt`).

        Raises:
            KeyError: If there is no such chart; names those that there are.
        """
        if key not in self._pictures:
            raise KeyError(f"{key!r}; there are {', '.join(self) or 'none'}")
        return self._pictures[key]

    def svg(self, key: str) -> str:
        """Return a chart as SVG."""
        from ray_bench.report.charts import svg

        return svg(self.picture(key))

    def png(self, key: str) -> bytes:
        """Return a chart as PNG."""
        from ray_bench.report.charts import png

        return png(self.picture(key))
