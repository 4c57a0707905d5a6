"""The report's pictures as Altair charts, and those of the first screen as drawings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from ray_bench.report.picture import Picture


@final
class Drawing:
    """A picture of the first screen: it shows itself in Jupyter, and is saved as SVG or PNG."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    def __repr__(self) -> str:
        return f"<drawing: {self._picture.title}>"

    def _repr_svg_(self) -> str:
        from ray_bench.report.charts import svg

        return svg(self._picture)

    def save(self, path: str | Path) -> None:
        """Write the drawing into a file: PNG where its name ends so, else SVG."""
        from ray_bench.report.charts import png

        target = Path(path)
        if target.suffix.lower() == ".png":
            target.write_bytes(png(self._picture))
        else:
            target.write_text(self._repr_svg_(), encoding="utf-8")


@final
class Charts(Mapping[str, Any]):
    """Charts by the key of their picture, Altair's or a `Drawing`; drawn when they are asked for.

    A chart shows itself in Jupyter. Where there is no network, choose Altair's renderer `svg`, or
    take `svg(key)`.
    """

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self._pictures = {picture.key: picture for picture in pictures}

    def __getitem__(self, key: str) -> Any:
        from ray_bench.report.charts import WIDTH, is_drawing, vega_lite

        picture = self.picture(key)
        if is_drawing(picture):
            return Drawing(picture)
        import altair

        spec = vega_lite(picture, width=WIDTH, has_title=True)
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
