"""Which trackers a configuration gives, before anything starts."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ray_bench.config.groups import TrackersConfig
from ray_bench.errors import MissingExtraError
from ray_bench.trackers import chosen


def names(config, store):
    return [tracker.name for tracker in chosen.chosen_trackers(config, store)]


def test_tensorboard_is_on_and_can_be_turned_off(store):
    assert names(TrackersConfig(), store) == ["TensorBoard"]
    assert names(TrackersConfig(tensorboard=False), store) == []


@pytest.mark.parametrize("package", ["mlflow", "wandb"])
def test_a_missing_package_says_how_to_get_it(store, monkeypatch, package):
    monkeypatch.setattr(chosen, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'ray-bench\[{package}\]'"):
        names(TrackersConfig(**{package: True}), store)


@pytest.mark.parametrize(
    ("config", "environment", "experiment"),
    [
        (TrackersConfig(mlflow=True), {}, "'ray_bench'"),
        (TrackersConfig(mlflow=True), {"MLFLOW_EXPERIMENT_NAME": "theirs"}, "'theirs'"),
        (TrackersConfig(mlflow=True, project="p"), {"MLFLOW_EXPERIMENT_NAME": "theirs"}, "'p'"),
    ],
)
def test_the_project_is_the_configurations_or_the_environments(
    store, monkeypatch, config, environment, experiment
):
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    monkeypatch.setattr(chosen, "find_spec", lambda name: name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _, mlflow = chosen.chosen_trackers(config, store)
    assert mlflow.place == f"http://server, experiment {experiment}"


def test_files_of_wandb_lie_with_the_results_or_here(store, monkeypatch):
    monkeypatch.setattr(chosen, "find_spec", lambda name: name)
    monkeypatch.setattr(chosen, "check_login", lambda: None)
    monkeypatch.delenv("WANDB_DIR", raising=False)
    bucket = SimpleNamespace(root="s3://bucket/x", local_folder=None, write_events=None)
    for results, folder in ((store, store.local_folder), (bucket, Path.cwd())):
        (wandb,) = chosen.chosen_trackers(TrackersConfig(tensorboard=False, wandb=True), results)
        assert wandb.place.endswith(f"files in {folder}/wandb")
    (board,) = chosen.chosen_trackers(TrackersConfig(), bucket)
    assert board.place == "s3://bucket/x/tensorboard"


def test_every_key_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text()
    for name in TrackersConfig.model_fields:
        assert f"| `trackers.{name}` |" in text
