"""What a service was started with."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ray_bench.errors import ConfigError

Role = Literal["viewer", "submitter"]


class AccessToken(NamedTuple):
    """A secret, what its owner may do, and what the audit calls him."""

    secret: str
    role: Role
    name: str = ""


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
        tokens: Who may come in; empty: nobody has to log in, which only loopback allows.
        read_only: Nothing can be changed or started.
        allow_code: Scripts, functions and workloads of a user's own may be submitted.
        is_behind_tls: Cookies are sent over TLS only.
        hosts: Further names that a request may call the service by.
        changes_per_minute: Requests that change something, of one user.
        questions_per_minute: Plans and calls of agents, which change nothing, of one user.
    """

    results: str
    state_dir: Path
    address: str | None = None
    host: str = "127.0.0.1"
    port: int = 8300
    tokens: tuple[AccessToken, ...] = ()
    read_only: bool = False
    allow_code: bool = False
    is_behind_tls: bool = False
    hosts: tuple[str, ...] = ()
    changes_per_minute: int = 60
    questions_per_minute: int = 600

    def check(self) -> None:
        """Refuse what would let anybody in, and what no sweep could run with.

        Raises:
            ConfigError: Other machines reach it, and there is no token; or jobs on a cluster would
                not find the results.
        """
        is_placed = "://" in self.results or Path(self.results).is_absolute()
        if self.address is not None and not self.read_only and not is_placed:
            raise ConfigError(
                f"The results {self.results!r} are a relative folder, which a job on the cluster "
                f"does not find; give {Path(self.results).absolute()}, if the cluster sees it "
                "there, or a URI such as s3://bucket/results. To look only, add --read-only."
            )
        if not self.tokens and not is_loopback(self.host):
            raise ConfigError(
                f"Other machines can reach {self.host}, got no token; set RAY_BENCH_TOKEN, give "
                "--token-file, or leave --host out."
            )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
