"""The lab itself: hosts see each other, at the rate of their link, and nothing of it stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cluster import hosts
from tests.cluster.lab import Lab

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

SEND = """
import socket, sys
host, count = sys.argv[1], int(sys.argv[2])
with socket.create_connection((host, 9000), timeout=3) as link:
    link.sendall(bytes(count))
    link.shutdown(socket.SHUT_WR)
    link.recv(1)
"""
RECEIVE = """
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.create_server((sys.argv[1], 9000), family=family) as server:
    print("ready", flush=True)
    link, _ = server.accept()
    count, begin = 0, time.perf_counter()
    while data := link.recv(1 << 20):
        count += len(data)
    print(count / (time.perf_counter() - begin), flush=True)
    link.sendall(b".")
"""


def bytes_per_s(lab: Lab, sender: int, receiver: int, count: int) -> float:
    address = lab.network.address(receiver)
    command = lab.network.inside(receiver, sys.executable, "-c", RECEIVE, address)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            sent = lab.on(sender, sys.executable, "-c", SEND, address, str(count))
            if sent.returncode:
                raise ConnectionError(sent.stderr)
            return float(process.stdout.readline())
        finally:
            process.kill()


def test_two_labs_at_once_have_nothing_in_common_and_leave_nothing(make_lab):
    with make_lab(1, with_ray=False) as one, make_lab(1, with_ray=False) as other:
        assert one.network.name != other.network.name
        assert one.network.subnet != other.network.subnet
        assert one.on(1, "hostname").stdout == "host1\n"
        sleeper = subprocess.Popen(one.network.inside(1, "sleep", "600"))
        there = hosts.run("ip", "netns", "list")
        assert one.network.namespace(1) in there
    assert sleeper.wait(timeout=5)  # it was ended
    there = hosts.run("ip", "netns", "list")
    for lab in (one, other):
        assert lab.network.name not in there
        assert not lab.folder.exists()


@pytest.mark.parametrize("is_ipv6", [False, True], ids=["ipv4", "ipv6"])
def test_links_have_their_rate_and_can_be_cut(make_lab, is_ipv6):
    with make_lab(2, with_ray=False, rate="80mbit", is_ipv6=is_ipv6) as lab:
        # 10 MB/s, less the headers; the burst comes for nothing.
        assert bytes_per_s(lab, 1, 2, 5_000_000) == pytest.approx(10e6, rel=0.15)
        lab.network.cut(2)
        with pytest.raises(ConnectionError):
            bytes_per_s(lab, 1, 2, 1)
        lab.network.mend(2)
        assert bytes_per_s(lab, 1, 2, 1000) > 0


def test_a_host_name_resolves_to_loopback_and_the_first_interface_leads_nowhere(make_lab):
    with make_lab(2, with_ray=False, same_name="box", has_decoy=True) as lab:
        look = "import socket, psutil; n = socket.gethostname(); print(n, socket.gethostbyname(n))"
        for host in lab.hosts:
            assert lab.on(host, sys.executable, "-c", look).stdout == "box 127.0.0.1\n"
        names = lab.on(1, "ls", "/sys/class/net").stdout.split()
        assert names.index(hosts.DECOY) < names.index(hosts.LINK)


def test_a_delay_is_there_in_both_directions(make_lab):
    if not hosts.has_netem():
        pytest.skip("this kernel has no netem, which delays packets")
    refused = (
        "import socket, sys, time; begin = time.perf_counter(); "
        "assert socket.socket().connect_ex((sys.argv[1], 9)) == 111; "
        "print(time.perf_counter() - begin)"
    )
    with make_lab(2, with_ray=False, delay_ms=50) as lab:
        done = lab.on(1, sys.executable, "-c", refused, lab.network.address(2))
        assert float(done.stdout) > 0.1  # there and back


def test_a_block_concerns_one_pair_and_one_direction(make_lab):
    with make_lab(3, with_ray=False) as lab:
        lab.network.block(1, 2, how="prohibit")
        with pytest.raises(ConnectionError, match="PermissionError"):
            bytes_per_s(lab, 1, 2, 1)
        assert bytes_per_s(lab, 1, 3, 1000) > 0
        lab.network.unblock(1, 2)
        assert bytes_per_s(lab, 1, 2, 1000) > 0


def test_a_node_that_died_can_be_joined_again(two_hosts):
    two_hosts.kill(2)
    assert two_hosts.network.pids(2) == []
    two_hosts.start(2)
    assert two_hosts.network.pids(2)
