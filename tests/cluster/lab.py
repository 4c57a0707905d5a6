"""A Ray cluster over hosts that are network namespaces of this machine (`tests/cluster/hosts.py`).

From a shell, for experiments; LAB or --lab names one where there are several:

    python -m tests.cluster.lab up 2 --rate 1gbit    # prints the lab's name and Ray's address
    python -m tests.cluster.lab on 1 -- ray status   # as a member of that cluster
    python -m tests.cluster.lab cut 2                # or: mend 2, block 1 2, unblock 1 2
    python -m tests.cluster.lab kill 2               # or: stop 2; and start 2
    python -m tests.cluster.lab down
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.cluster.hosts import LabError, Network, why_not

ROOT = Path(__file__).parents[2]
GCS_PORT, DASHBOARD_PORT = 6379, 8265
#: Short: Ray makes UNIX sockets below it, and their paths have a limit.
FOLDERS = Path("/tmp")
_PREFIX = "rblab"
#: Less than a trial asks for.
_LITTLE_BYTES = 2**20
#: What would tell Ray or the ranks where to look, instead of letting them find it.
_NOT_INHERITED = ("RAY_", "GLOO_", "NCCL_", "MASTER_", "TMPDIR")


@dataclass(frozen=True)
class Lab:
    """Hosts with a Ray node each, host 1 the head; they share a token and this machine's disk."""

    network: Network
    num_cpus: int = 2  # that each node tells Ray it has
    trials_on_head: bool = False  # other hosts have no memory for a trial of Tune, only for workers

    @property
    def folder(self) -> Path:
        """Token, logs and Ray's files; gone with `down`."""
        return self.network.folder

    @property
    def address(self) -> str:
        """Where the head listens."""
        return self._at(GCS_PORT)

    @property
    def jobs_url(self) -> str:
        """Where the head takes jobs; reached from the hosts alone."""
        return f"http://{self._at(DASHBOARD_PORT)}"

    def _at(self, port: int) -> str:
        head = self.network.address(1)
        return f"[{head}]:{port}" if self.network.is_ipv6 else f"{head}:{port}"

    @property
    def hosts(self) -> range:
        """Numbers of the hosts, from 1."""
        return range(1, self.network.num_hosts + 1)

    def environment(self, host: int, *, is_member: bool = True) -> dict[str, str]:
        """Return the environment of a host's processes; a member's finds the cluster."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
        member = {"RAY_ADDRESS": self.address, "RAY_API_SERVER_ADDRESS": self.jobs_url}
        path = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", "")])
        return own | {
            "HOME": str(self.folder),
            "PATH": path,
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
            "RAY_TMPDIR": str(self._ray_folder(host)),  # of the file that names the current cluster
            "RAY_USAGE_STATS_ENABLED": "0",
            **(member if is_member else {}),
        }

    def _ray_folder(self, host: int) -> Path:
        return self.folder / f"r{host}"

    def up(self, *, with_ray: bool = True) -> None:
        """Make the hosts, and start Ray on each."""
        self.save()  # so that `down` finds what a killed program has left
        token = self.folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        self.network.up()
        if with_ray:
            self.start(1)
            self.start(*self.hosts[1:])

    def start(self, *hosts: int) -> None:
        """Start Ray on hosts, all at once, and wait until each has joined."""
        begun = [(host, self._start_command(host)) for host in hosts]
        started = [(host, self._popen(host, command)) for host, command in begun]
        for host, process in started:
            if process.wait(timeout=120):
                said = self._log(host).read_text()[-2000:]
                raise LabError(f"Ray did not start on host {host}:\n{said}")

    def _start_command(self, host: int) -> list[str]:
        address = self.network.address(host)
        board = (f"--dashboard-host={address}", f"--dashboard-port={DASHBOARD_PORT}")
        head = ("--head", f"--port={GCS_PORT}", *board)
        role = head if host == 1 else (f"--address={self.address}",)
        temp = self._ray_folder(host)
        temp.mkdir(exist_ok=True)
        own = (f"--node-ip-address={address}", f"--num-cpus={self.num_cpus}", f"--temp-dir={temp}")
        little = (f"--memory={_LITTLE_BYTES}",) if self.trials_on_head and host != 1 else ()
        return ["ray", "start", *role, *own, *little, "--disable-usage-stats"]

    def _log(self, host: int) -> Path:
        return self.folder / f"host{host}.log"

    def _popen(self, host: int, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._log(host).open("w") as log:
            return subprocess.Popen(
                self.network.inside(host, *command),
                stdout=log,
                stderr=log,
                env=self.environment(host, is_member=False),
                start_new_session=True,
            )

    def on(
        self, host: int, *command: str, timeout_s: float = 280, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host as a member of the cluster, in the repository's folder."""
        return subprocess.run(
            self.network.inside(host, *command),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=self.environment(host) | environment,
            timeout=timeout_s,
            check=False,
        )

    def ray_bench(
        self, *arguments: str, host: int = 1, timeout_s: float = 280, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `ray-bench` on a host, the head by default."""
        command = (sys.executable, "-m", "ray_bench", *arguments)
        return self.on(host, *command, timeout_s=timeout_s, **environment)

    def stop(self, host: int) -> None:
        """End Ray and everything else on a host in good order (`ray stop` would end all hosts')."""
        self.network.end(host)

    def kill(self, host: int) -> None:
        """End every process of a host at once, as when the machine dies."""
        self.network.end(host, patience_s=0)

    def down(self) -> None:
        """End and remove what `up` made."""
        self.network.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def save(self) -> None:
        """Let a later command find the lab."""
        values = asdict(self)
        (self.folder / "lab.json").write_text(json.dumps(values, default=str))

    @classmethod
    def load(cls, folder: Path) -> Lab:
        """Find the lab that an earlier command made."""
        values = json.loads((folder / "lab.json").read_text())
        network = Network(**values.pop("network") | {"folder": folder})
        return cls(network, **values)


_LABS = itertools.count()


def new_lab(
    num_hosts: int,
    *,
    num_cpus: int = 2,
    trials_on_head: bool = False,
    is_ipv6: bool = False,
    **options: Any,
) -> Lab:
    """Return a lab that does not exist yet, with a name and addresses of its own.

    Args:
        num_hosts: Hosts, one Ray node each.
        num_cpus: That each node tells Ray it has.
        trials_on_head: Whether Tune's trials, and Train's controllers in them, stay on host 1.
        is_ipv6: Hosts have IPv6 addresses only.
        options: Of `Network`: rate, delay_ms, same_name, has_decoy.
    """
    number = os.getpid() % (1 << 15) + 37 * next(_LABS)
    high, low = number // 256 % 256, number % 256
    subnet = f"fd00:{number % 65536:x}::" if is_ipv6 else f"10.{high}.{low}"
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}", dir=FOLDERS))
    network = Network(
        name=folder.name, folder=folder, subnet=subnet, num_hosts=num_hosts, **options
    )
    return Lab(network, num_cpus, trials_on_head)


@contextlib.contextmanager
def running_lab(num_hosts: int, *, with_ray: bool = True, **options: Any) -> Iterator[Lab]:
    """Make a lab, and end it whatever happens; see `new_lab`."""
    lab = new_lab(num_hosts, **options)
    try:
        lab.up(with_ray=with_ray)
        yield lab
    finally:
        lab.down()


def _find(name: str | None) -> Lab:
    found = sorted(path.parent for path in FOLDERS.glob(f"{_PREFIX}*/lab.json"))
    chosen = [folder for folder in found if name in (None, folder.name)]
    if len(chosen) != 1:
        there = ", ".join(folder.name for folder in found) or "none"
        raise LabError(f"Name one lab with --lab or LAB; there: {there}.")
    return Lab.load(chosen[0])


def _up(options: argparse.Namespace) -> None:
    lab = new_lab(
        options.num_hosts,
        num_cpus=options.cpus,
        is_ipv6=options.ipv6,
        rate=options.rate,
        delay_ms=options.delay_ms,
        same_name=options.same_name,
        has_decoy=options.decoy,
    )
    try:
        lab.up(with_ray=not options.no_ray)
    except BaseException:
        lab.down()
        raise
    sys.stdout.write(f"{lab.network.name} {lab.address}\n")


def _on(options: argparse.Namespace) -> int:
    lab = _find(options.lab)
    command = [part for part in options.command if part != "--"]
    inside = lab.network.inside(options.host, *command)
    return subprocess.run(inside, env=lab.environment(options.host), check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.lab", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--lab", default=os.environ.get("LAB"))
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    up.add_argument("num_hosts", type=int)
    up.add_argument("--rate", help="of every link, as tc has it: 1gbit")
    up.add_argument("--delay-ms", type=float, default=0.0, help="one way; needs netem")
    up.add_argument("--cpus", type=int, default=2, help="of each Ray node")
    up.add_argument("--same-name", help="host name of all hosts")
    up.add_argument("--decoy", action="store_true", help="a second interface that leads nowhere")
    up.add_argument("--ipv6", action="store_true", help="no IPv4 addresses")
    up.add_argument("--no-ray", action="store_true")
    on = verbs.add_parser("on")
    on.add_argument("host", type=int)
    on.add_argument("command", nargs=argparse.REMAINDER)
    for verb in ("start", "stop", "kill", "cut", "mend"):
        verbs.add_parser(verb).add_argument("host", type=int)
    for verb in ("block", "unblock"):
        pair = verbs.add_parser(verb)
        pair.add_argument("host", type=int)
        pair.add_argument("other", type=int)
    verbs.add_parser("down")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one thing to a lab."""
    options = _parser().parse_args(arguments)
    if reason := why_not():
        raise LabError(f"No lab here: {reason}.")
    if options.verb == "up":
        _up(options)
        return 0
    if options.verb == "on":
        return _on(options)
    lab = _find(options.lab)
    if options.verb == "down":
        lab.down()
    elif options.verb in ("start", "stop", "kill"):
        getattr(lab, options.verb)(options.host)
    elif options.verb in ("cut", "mend"):
        getattr(lab.network, options.verb)(options.host)
    else:
        getattr(lab.network, options.verb)(options.host, options.other)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as err:
        sys.exit(f"error: {err}")
