"""What a service was started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Role = Literal["viewer", "submitter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """All that `ray-bench serve` can be told.

    Attributes:
        results: The store: a folder, `s3://...` or `gs://...`.
        address: Of the job server of a Ray cluster (`http://host:8265`); None: sweeps run on this
            machine, one after the other.
        state_dir: A folder of this machine for the queue of sweeps, their logs and the audit.
        host: What to listen on.
        port: 0 takes a free one.
        tokens: Role by token; empty: nobody has to log in, which only loopback allows.
        read_only: Nothing can be changed or started.
        allow_code: Scripts, functions and workloads of a user's own may be submitted.
        is_behind_tls: Cookies are sent over TLS only.
        hosts: Further names that a request may call the service by.
    """

    results: str
    state_dir: Path
    address: str | None = None
    host: str = "127.0.0.1"
    port: int = 8300
    tokens: tuple[tuple[str, Role], ...] = ()
    read_only: bool = False
    allow_code: bool = False
    is_behind_tls: bool = False
    hosts: tuple[str, ...] = ()
