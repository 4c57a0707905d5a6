"""Links that were not measured here: what they are taken to do, and from where.

Bandwidth is what NCCL or TCP gets through, not what the box says. A preset is an assumption with a
source; it has no interval of its own. Measure the link (`ray-bench network`) before believing it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ray_bench.analysis.replay.cost import Wire

#: When the sources were read.
READ_ON = "2026-11-22"

_TUNING = "NVIDIA/nccl src/graph/tuning.cc"
_IB_SHARE = 0.91
_TCP_SHARE = 1448 / 1538
_IB_SOURCE = (
    f"line rate x {_IB_SHARE} (91 GB/s over 4 HDR adapters: NVIDIA/nccl-tests issue 100); latency "
    f"of a ring step over a network: {_TUNING}"
)
_TCP_ASSUMES = (
    "TCP with packets of 1500 bytes, of which 1448 of 1538 on the wire are data, and processors "
    "that keep up with it; 25 us a message is a guess"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named link."""

    name: str
    title: str
    bytes_per_s: float  # in one direction, of a worker; of a whole node for a network adapter
    alpha_s: float
    assumes: str
    source: str

    @property
    def wire(self) -> Wire:
        """The link as the cost model takes it."""
        return Wire(alpha_s=self.alpha_s, beta_s_per_byte=1 / self.bytes_per_s)


def _infiniband(kind: str, gbit_per_s: float, adapters: int = 1) -> Preset:
    many = f" x {adapters}" if adapters > 1 else ""
    return Preset(
        name=f"infiniband-{kind.lower()}" + (f"-x{adapters}" if adapters > 1 else ""),
        title=f"InfiniBand {kind}{many}, {gbit_per_s:g} Gbit/s an adapter",
        bytes_per_s=gbit_per_s / 8 * 1e9 * adapters * _IB_SHARE,
        alpha_s=9.6e-6,
        assumes="GPUDirect RDMA, no other traffic" + (", all adapters busy" if many else ""),
        source=_IB_SOURCE,
    )


def _ethernet(gbit_per_s: int) -> Preset:
    return Preset(
        name=f"ethernet-{gbit_per_s}g",
        title=f"Ethernet, {gbit_per_s} Gbit/s, TCP",
        bytes_per_s=gbit_per_s / 8 * 1e9 * _TCP_SHARE,
        alpha_s=25e-6,
        assumes=_TCP_ASSUMES,
        source="IEEE 802.3 frame, IPv4 and TCP headers with timestamps",
    )


def _pcie(generation: int, bytes_per_s: float) -> Preset:
    return Preset(
        name=f"pcie{generation}-x16",
        title=f"PCI Express {generation} x16, no NVLink",
        bytes_per_s=bytes_per_s * 0.8,
        alpha_s=5.7e-6,
        assumes="direct access from GPU to GPU, and 20 % for the protocol, which is a guess",
        source=f"PCI-SIG line rate in one direction; latency of a ring step over PCI: {_TUNING}",
    )


_ALL = (
    Preset(
        name="nvlink-a100",
        title="NVLink 3 within a DGX or HGX A100",
        bytes_per_s=235e9,
        alpha_s=3.4e-6,
        assumes="NVSwitch, protocol Simple, large buffers",
        source=f"the most that {_TUNING} expects of an A100; latency of a ring step: the same",
    ),
    Preset(
        name="nvlink-h100",
        title="NVLink 4 within a DGX or HGX H100 or H200",
        bytes_per_s=370e9,
        alpha_s=3.4e-6,
        assumes="NVSwitch, a ring without NVLink SHARP, which is quicker for large buffers",
        source=(
            "450 GB/s less about 20 % for the protocol (NVIDIA/nccl-tests issue 212); latency of "
            f"a ring step: {_TUNING}"
        ),
    ),
    _pcie(4, 31.5e9),
    _pcie(5, 63.0e9),
    _infiniband("HDR", 200),
    _infiniband("NDR", 400),
    _infiniband("HDR", 200, 8),
    _infiniband("NDR", 400, 8),
    *(_ethernet(rate) for rate in (1, 10, 25, 100)),
)

#: By name, in the order in which they are shown.
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
