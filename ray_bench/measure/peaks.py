"""Dense peak FLOP/s of GPUs, the denominator of model FLOPs utilisation. Unknown is None.

Sparse figures of data sheets are twice as high and are never taken. Numbers are those of the
vendor's data sheets: NVIDIA V100 (2020), T4 (2019), A100 (2021), A10 (2021), A30, A40, RTX A6000
(2021), L4 and L40S (2023), H100 and H200 (2024), B200 (2025); for GeForce, the architecture white
papers of GA102 (2020) and AD102 (2022), with FP32 accumulation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from ray_bench.records import Precision

_TERA = 1e12


@dataclass(frozen=True, slots=True)
class Peak:
    """TFLOP/s by number format; None where the GPU has no unit for it."""

    fp32: float  # the ordinary cores
    tf32: float | None  # tensor cores
    bf16: float | None  # tensor cores, FP32 accumulation


#: The first whose words are all in the name counts.
_PEAKS: tuple[tuple[tuple[str, ...], Peak], ...] = (
    (("B200",), Peak(75.0, 1100.0, 2250.0)),
    (("GH200",), Peak(67.0, 494.7, 989.4)),
    (("H200", "NVL"), Peak(60.0, 417.5, 835.5)),
    (("H200",), Peak(67.0, 494.7, 989.4)),
    (("H100", "PCIe"), Peak(51.2, 378.0, 756.0)),
    (("H100", "NVL"), Peak(60.0, 417.5, 835.5)),
    (("H100", "HBM3"), Peak(67.0, 494.7, 989.4)),  # SXM5
    (("A100",), Peak(19.5, 156.0, 312.0)),  # SXM4 and PCIe alike
    (("A800",), Peak(19.5, 156.0, 312.0)),
    (("A40",), Peak(37.4, 74.8, 149.7)),
    (("A30",), Peak(10.3, 82.0, 165.0)),
    (("A10",), Peak(31.2, 62.5, 125.0)),
    (("RTX A6000",), Peak(38.7, 77.4, 154.8)),
    (("RTX 6000 Ada",), Peak(91.1, 182.1, 364.2)),
    (("L40S",), Peak(91.6, 183.0, 362.0)),
    (("L40",), Peak(90.5, 90.5, 181.0)),
    (("L4",), Peak(30.3, 60.0, 121.0)),
    (("V100", "SXM"), Peak(15.7, None, None)),
    (("V100", "PCIE"), Peak(14.0, None, None)),
    (("Tesla T4",), Peak(8.1, None, None)),
    (("P100", "SXM"), Peak(10.6, None, None)),
    (("P100", "PCIE"), Peak(9.3, None, None)),
    (("RTX 4090",), Peak(82.6, 82.6, 165.2)),
    (("RTX 3090 Ti",), Peak(40.0, 40.0, 80.0)),
    (("RTX 3090",), Peak(35.6, 35.6, 71.0)),
)


def device_peak_flops_per_s(
    device: torch.device, precision: Precision, parts: Iterable[torch.nn.Module]
) -> float | None:
    """Return the peak of the device that modules train on; None on CPU and where unknown."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return peak_flops_per_s(name, precision, allow_tf32=may_use_tf32(parts))


def may_use_tf32(parts: Iterable[torch.nn.Module]) -> bool:
    """Tell whether torch may compute most of the float32 work of modules with TF32.

    By torch's defaults cuDNN's convolutions may and matrix products may not. Where there are
    convolutions, they are most of the work.
    """
    convolution = torch.nn.modules.conv._ConvNd
    has_convolutions = any(isinstance(part, convolution) for part in parts)
    # `allow_tf32` raises where somebody has set the newer `fp32_precision`; this knows both.
    backends: Any = torch.backends
    unit = backends.cudnn.conv if has_convolutions else backends.cuda.matmul
    return bool(unit.fp32_precision == "tf32")


def peak_flops_per_s(name: str, precision: Precision, *, allow_tf32: bool) -> float | None:
    """Return the dense peak of a GPU by its name as CUDA gives it; None for one not listed.

    A MIG slice is a part of a GPU that its name does not tell the size of: None.
    """
    peak = _peak_of(name)
    if peak is None:
        return None
    if precision == "bf16":
        tera = peak.bf16
    else:
        tera = peak.tf32 if allow_tf32 and peak.tf32 is not None else peak.fp32
    return None if tera is None else tera * _TERA


def _peak_of(name: str) -> Peak | None:
    if "MIG" in name:
        return None
    # Whole words: an L4 is no L40, an A10 no A10G; `A100-SXM4-40GB` is three words.
    padded = f" {name.replace('-', ' ').upper()} "
    for words, peak in _PEAKS:
        if all(_has(padded, word.upper()) for word in words):
            return peak
    return None


def _has(padded: str, word: str) -> bool:
    # Form factors carry a number, as in SXM2; a model's name does not go on.
    return f" {word} " in padded or (word == "SXM" and " SXM" in padded)
