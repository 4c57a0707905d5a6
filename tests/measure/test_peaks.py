"""Peak FLOP/s: the right GPU by its name, the right unit by precision, unknown is None."""

from __future__ import annotations

import pytest
import torch

from ray_bench.measure.peaks import device_peak_flops_per_s, may_use_tf32, peak_flops_per_s


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H200", 989.4),
        ("NVIDIA A100-SXM4-40GB", 312.0),
        ("NVIDIA A100 80GB PCIe", 312.0),
        ("NVIDIA A10", 125.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA GeForce RTX 3090 Ti", 80.0),
        ("NVIDIA GeForce RTX 3090", 71.0),
    ],
)
def test_dense_bf16_peak_by_name(name, tera):
    assert peak_flops_per_s(name, "bf16", allow_tf32=True) == pytest.approx(tera * 1e12)


def test_float32_is_tf32_only_where_torch_may():
    name = "NVIDIA A100-SXM4-40GB"
    assert peak_flops_per_s(name, "fp32", allow_tf32=True) == 156e12
    assert peak_flops_per_s(name, "fp32", allow_tf32=False) == 19.5e12


def test_a_gpu_without_the_unit():
    name = "Tesla V100-SXM2-16GB"
    assert peak_flops_per_s(name, "bf16", allow_tf32=True) is None
    assert peak_flops_per_s(name, "fp32", allow_tf32=True) == 15.7e12


@pytest.mark.parametrize(
    "name", ["", "Made-up GPU", "NVIDIA A100-SXM4-40GB MIG 1g.5gb", "NVIDIA A10G", "NVIDIA A1000"]
)
def test_a_device_that_is_not_listed_is_unknown(name):
    assert peak_flops_per_s(name, "bf16", allow_tf32=True) is None


def test_convolutions_may_use_tf32_by_torchs_defaults_and_products_may_not():
    assert may_use_tf32([torch.nn.Conv2d(1, 1, 3), torch.nn.Linear(1, 1)])
    assert not may_use_tf32([torch.nn.Linear(1, 1)])


def test_what_the_user_sets_counts():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        assert may_use_tf32([torch.nn.Linear(1, 1)])
    finally:
        torch.set_float32_matmul_precision(before)
    assert not may_use_tf32([torch.nn.Linear(1, 1)])


def test_a_cpu_has_no_known_peak():
    assert device_peak_flops_per_s(torch.device("cpu"), "fp32", [torch.nn.Linear(1, 1)]) is None
