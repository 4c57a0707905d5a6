"""Tests of `ray-bench workloads`, `ray-bench config` and of the program itself."""

import errno
import json

import pytest
import yaml

from ray_bench import __version__
from ray_bench.config.load import load
from ray_bench.config.schema import SweepConfig


def test_workloads_as_a_table(ray_bench):
    out = ray_bench("workloads").out
    assert "cnn-digits" in out
    assert "package.module:Name" in out


def test_workloads_as_json(ray_bench):
    found = {
        item["name"]: item for item in json.loads(ray_bench("workloads", "--format", "json").out)
    }
    assert found["cnn-digits"]["defaults"]["batch_size"] == 64


def test_config_without_arguments_lists_every_key(ray_bench):
    out = ray_bench("config").out
    assert "workload  (required)" in out
    assert "measure.block_s  (default 0.25)" in out
    assert all(name in out for name in SweepConfig.model_fields)


def test_config_can_be_saved_and_read_again(ray_bench, tmp_path):
    out = ray_bench("config", "demo", "lr=1e-5", "currency=NO").out
    assert yaml.safe_load(out)["optimizer"]["momentum"] == 0.9
    (tmp_path / "sweep.yaml").write_text(out)
    again = load(str(tmp_path / "sweep.yaml"))
    assert again.lr == 1e-5
    assert ray_bench("config", str(tmp_path / "sweep.yaml")).out == out


def test_config_schema_is_json(ray_bench):
    schema = json.loads(ray_bench("config", "--schema").out)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["workload"]


def test_overrides_alone_are_enough(ray_bench):
    assert "batch_size: 64" in ray_bench("config", "workload=cnn-digits").out


def test_version(ray_bench):
    assert ray_bench("--version").out == f"ray-bench {__version__}\n"


@pytest.mark.parametrize("arguments", [["bogus"], ["run", "demo", "--wold-sizes", "2"]])
def test_unknown_commands_and_options(ray_bench, arguments):
    outcome = ray_bench(*arguments)
    assert outcome.code == 2
    assert "No such" in outcome.err


def test_a_full_disk_under_stdout_is_no_traceback(ray_bench, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ray_bench.cli.workloads._table", full)
    outcome = ray_bench("workloads")
    assert outcome.code == 1
    assert outcome.err == "error: Cannot write the output: No space left on device.\n"
