"""The live state of a sweep: one small JSON file beside its results, replaced as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ray_bench.errors import SchemaVersionError, StoreError
from ray_bench.store.location import safe_name
from ray_bench.store.results_store import ResultsStore

#: Raised where a key changes its meaning or goes; new keys need no new version.
SCHEMA_VERSION = 1
MAX_BYTES = 64 * 1024


def write_live(store: ResultsStore, sweep_id: str, state: Mapping[str, Any]) -> None:
    """Write the state in place of the one before, with its version and the time of day.

    Raises:
        StoreError: If it cannot be written, or is too large.
    """
    stamps = {"schema_version": SCHEMA_VERSION, "updated_at_utc": datetime.now(UTC).isoformat()}
    text = json.dumps({**stamps, **state}, separators=(",", ":"))
    if len(text.encode()) > MAX_BYTES:
        raise StoreError(
            f"The live state of sweep {sweep_id} has {len(text.encode())} bytes, and may have "
            f"{MAX_BYTES}; show fewer points or ranks in it."
        )
    store.write_text(_name(sweep_id), text)


def read_live(store: ResultsStore, sweep_id: str) -> dict[str, Any] | None:
    """Return what a sweep last said of itself; None if it never did.

    A sweep whose `state` is "running" and whose `updated_at_utc` is old has died without a word.

    Raises:
        StoreError: If the file is damaged.
        SchemaVersionError: If a newer ray_bench wrote it.
    """
    text = store.read_text(_name(sweep_id))
    if text is None:
        return None
    try:
        state = json.loads(text)
        version = int(state["schema_version"])
    except (ValueError, TypeError, KeyError) as err:
        raise StoreError(
            f"{store.root}/{_name(sweep_id)} is damaged: {err}. Remove it; results are elsewhere."
        ) from err
    if version > SCHEMA_VERSION:
        raise SchemaVersionError(
            f"{store.root}/{_name(sweep_id)} has version {version}, and this ray_bench knows "
            f"{SCHEMA_VERSION}. Install a newer one."
        )
    found: dict[str, Any] = state
    return found


def _name(sweep_id: str) -> str:
    return f"live/{safe_name(sweep_id)}.json"
