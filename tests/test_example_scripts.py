"""The scripts of examples/scripts are measured as they are: samples a step against known ones."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.launch.scripts.ranks import asked, run_ranks

SCRIPTS = Path(__file__).parents[1] / "examples" / "scripts"
#: Name: (strategy at 2 ranks, what tells samples, package that it needs).
KNOWN = {
    "accumulation": ("ddp", "indices", None),
    "gan": ("ddp", "indices", None),
    "iterable": ("ddp", "batch", None),
    "fsdp2": ("fsdp2", "indices", None),
    "huggingface": ("ddp", "indices", "accelerate"),  # which its Trainer needs
    "lightning_trainer": ("ddp", "indices", "lightning"),
}


@pytest.mark.slow
@pytest.mark.parametrize("num_ranks", [1, 2])
@pytest.mark.parametrize("name", KNOWN)
def test_a_script_has_the_samples_that_it_is_known_to_have(tmp_path, name, num_ranks):
    strategy, source, package = KNOWN[name]
    if package is not None and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    args = ["--batch-size", "{local_batch_size}"]
    args += ["--output-dir", "{run_dir}"] if name == "huggingface" else []
    config = asked(
        SCRIPTS / f"{name}.py",
        *("world_sizes=[1,2]", "batch_size=16", "steps=24"),
        args=tuple(args),
    )
    data = run_ranks(config, tmp_path, num_ranks)
    assert data.run.status == "ok", (data.run.error_message, data.outputs)
    assert data.run.samples_source == source
    samples = sum(block.num_samples for block in data.blocks if not block.is_warmup)
    steps = sum(x.num_steps for x in data.blocks if not x.is_warmup and x.rank == 0)
    assert samples == 16 * steps
    if num_ranks == 2 or name == "fsdp2":
        assert data.run.strategy == strategy
    if name == "accumulation":
        assert data.run.point.accumulate_steps == 4


def test_every_script_says_what_it_is():
    for path in SCRIPTS.glob("*.py"):
        assert path.stem in {*KNOWN, "ray_train_function"}
        assert len(path.read_text().split('"""')[1]) > 40
