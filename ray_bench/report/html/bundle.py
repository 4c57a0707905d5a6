"""Vega, Vega-Lite and Vega-Embed as one script, made once and kept."""

from __future__ import annotations

import contextlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path


def vega_bundle() -> str:
    """Return the script that sets `window.vegaEmbed`.

    vl-convert takes more than a second to make it, so it is kept in `~/.cache/ray_bench`, one file
    a version of vl-convert. A home that cannot be written, or none, costs that time at every
    report, and nothing else.
    """
    path = _place()
    if path is not None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return path.read_text(encoding="utf-8")
    import vl_convert

    script = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    if path is not None:
        with contextlib.suppress(OSError):
            _keep(path, script)
    return script


def _place() -> Path | None:
    """Return where the script is kept; None for a user without a home, as in some containers."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ".cache" / "ray_bench" / f"vega-{version('vl-convert-python')}.js"


def _keep(path: Path, script: str) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(script)
    os.replace(name, path)
