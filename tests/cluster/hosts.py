"""Hosts on one machine: network namespaces on a bridge, with own host names and /etc/hosts.

Needs Linux, root and iproute2. What is started here carries the lab's name, and is ended by it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: A smaller burst halves the rate. What fits into the burst is not slowed down.
BURST = "256kb"
LINK = "eth0"
#: Comes before the link in every list of interfaces, and leads nowhere.
DECOY = "aux0"
_GATEWAY = 254
#: Without name servers: a query would wait for an answer from a network that is not there.
_INSIDE = (
    'mount --bind "$1" /etc/hosts && mount --bind /dev/null /etc/resolv.conf && hostname "$2" '
    '&& shift 2 && exec "$@"'
)


class LabError(RuntimeError):
    """A command of the lab failed."""


def why_not() -> str | None:
    """Return why no lab can be made here; None where one can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [name for name in ("ip", "tc", "unshare", "mount") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: apt-get install iproute2 util-linux)"
    probe = f"rbprobe{os.getpid()}"
    made = _call("ip", "netns", "add", probe)
    if made.returncode:
        return f"no network namespace can be made: {made.stderr.strip()}"
    shaped = _call("tc", "-n", probe, "qdisc", "add", "dev", "lo", "root", *_tbf("1gbit"))
    _call("ip", "netns", "del", probe)
    return f"links cannot be shaped: {shaped.stderr.strip()}" if shaped.returncode else None


def has_netem() -> bool:
    """Tell whether this kernel can delay and lose packets; many containers' cannot."""
    probe = f"rbprobe{os.getpid()}"
    run("ip", "netns", "add", probe)
    try:
        netem = ("netem", "delay", "1ms")
        return not _call("tc", "-n", probe, "qdisc", "add", "dev", "lo", "root", *netem).returncode
    finally:
        run("ip", "netns", "del", probe)


def run(*command: str) -> str:
    """Return what a command printed."""
    done = _call(*command)
    if done.returncode:
        raise LabError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _tbf(rate: str) -> tuple[str, ...]:
    return ("tbf", "rate", rate, "burst", BURST, "latency", "50ms")


@dataclass(frozen=True, kw_only=True)
class Network:
    """Hosts 1 to `num_hosts` on one switch. Nothing exists before `up`."""

    name: str  # of the lab: what its namespaces begin with
    folder: Path
    subnet: str  # the first three numbers of the addresses, or the first groups and `::`
    num_hosts: int
    rate: str | None = None  # of every host's link, both ways: 1gbit
    delay_ms: float = 0.0  # one way, of every packet that a host sends; needs netem
    same_name: str | None = None  # all hosts have it, as cloned machines do
    has_decoy: bool = False  # a second interface, listed first, that leads nowhere

    @property
    def is_ipv6(self) -> bool:
        """Hosts have no IPv4 address but loopback's."""
        return ":" in self.subnet

    @property
    def switch(self) -> str:
        """The namespace of the bridge."""
        return f"{self.name}-sw"

    def namespace(self, host: int) -> str:
        """The namespace of a host."""
        return f"{self.name}-{host}"

    def address(self, host: int) -> str:
        """The address of a host on its link."""
        return f"{self.subnet}{host:x}" if self.is_ipv6 else f"{self.subnet}.{host}"

    def host_name(self, host: int) -> str:
        """What `hostname` says there; it resolves to 127.0.0.1, as on many cloud images."""
        return self.same_name or f"host{host}"

    def up(self) -> None:
        """Make the switch and all hosts."""
        run("ip", "netns", "add", self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")
        self._give_address(self.switch, "br0", _GATEWAY)
        for host in range(1, self.num_hosts + 1):
            self._make(host)

    def _make(self, host: int) -> None:
        here, port = self.namespace(host), f"port{host}"
        hosts = f"127.0.0.1 localhost {self.host_name(host)}\n::1 localhost\n"
        (self.folder / f"hosts{host}").write_text(hosts)
        run("ip", "netns", "add", here)
        run("ip", "-n", here, "link", "set", "lo", "up")
        if self.has_decoy:
            self._link(here, DECOY, f"nowhere{host}")
            run("ip", "-n", here, "addr", "add", f"172.31.255.{host}/24", "dev", DECOY)
        self._link(here, LINK, port)
        run("ip", "-n", self.switch, "link", "set", port, "master", "br0")
        self._give_address(here, LINK, host)
        # It leads no further, but Ray takes the address of the route to the Internet for its own.
        run("ip", "-n", here, "route", "add", "default", "via", self.address(_GATEWAY))
        self._shape(host)

    def _link(self, here: str, name: str, port: str) -> None:
        peer = ("type", "veth", "peer", "name", port, "netns", self.switch)
        run("ip", "link", "add", name, "netns", here, *peer)
        run("ip", "-n", self.switch, "link", "set", port, "up")
        run("ip", "-n", here, "link", "set", name, "up")

    def _give_address(self, namespace: str, interface: str, number: int) -> None:
        # Duplicate detection would keep an IPv6 address from being used for two seconds.
        how = ("/64", "nodad") if self.is_ipv6 else ("/24",)
        address = self.address(number) + how[0]
        run("ip", "-n", namespace, "addr", "add", address, "dev", interface, *how[1:])

    def _shape(self, host: int) -> None:
        change = ("tc", "-n", self.namespace(host), "qdisc", "replace", "dev", LINK)
        parent: tuple[str, ...] = ("root",)
        if self.delay_ms:
            run(*change, "root", "handle", "1:", "netem", "delay", f"{self.delay_ms}ms")
            parent = ("parent", "1:")
        if self.rate is not None:
            run(*change, *parent, *_tbf(self.rate))

    def inside(self, host: int, *command: str) -> list[str]:
        """Return a command that runs another one on a host."""
        enter = ["ip", "netns", "exec", self.namespace(host), "unshare", "--uts", "sh", "-c"]
        names = [str(self.folder / f"hosts{host}"), self.host_name(host)]
        return [*enter, _INSIDE, "sh", *names, *command]

    def cut(self, host: int) -> None:
        """Take a host off the network, as when its cable is pulled at the switch."""
        run("ip", "-n", self.switch, "link", "set", f"port{host}", "down")

    def mend(self, host: int) -> None:
        """Bring a host that was cut off back."""
        run("ip", "-n", self.switch, "link", "set", f"port{host}", "up")

    def block(self, host: int, other: int, *, how: str = "blackhole") -> None:
        """Let nothing that one host sends reach the other; both still reach everybody else.

        Args:
            host: Who sends.
            other: Who gets nothing.
            how: `blackhole` drops silently (a firewall), `prohibit` refuses at once.
        """
        run("ip", "-n", self.namespace(host), "route", "add", how, self.address(other))

    def unblock(self, host: int, other: int) -> None:
        """Take a `block` back."""
        run("ip", "-n", self.namespace(host), "route", "del", self.address(other))

    def pids(self, host: int) -> list[int]:
        """Return the processes of a host."""
        return [int(pid) for pid in run("ip", "netns", "pids", self.namespace(host)).split()]

    def end(self, *hosts: int, patience_s: float = 5.0) -> None:
        """End every process of some hosts: SIGTERM, then SIGKILL; without patience they die."""
        deadline = time.monotonic() + patience_s
        if patience_s:
            self._signal(hosts, signal.SIGTERM)
        while time.monotonic() < deadline and any(map(self.pids, hosts)):
            time.sleep(0.2)
        while any(map(self.pids, hosts)):
            self._signal(hosts, signal.SIGKILL)
            time.sleep(0.05)

    def _signal(self, hosts: Iterable[int], number: signal.Signals) -> None:
        for pid in itertools.chain.from_iterable(map(self.pids, hosts)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def down(self) -> None:
        """End what runs on the hosts, and take them away."""
        there = run("ip", "netns", "list").split()
        hosts = [x for x in range(1, self.num_hosts + 1) if self.namespace(x) in there]
        self.end(*hosts, patience_s=1.0)
        for name in (*map(self.namespace, hosts), self.switch):
            if name in there:
                run("ip", "netns", "del", name)
