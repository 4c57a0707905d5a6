"""cluster.yaml passes Ray's own offline validation."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

CLUSTER = Path(__file__).parents[2] / "cluster.yaml"


def test_ray_accepts_it():
    config = prepare_config(yaml.safe_load(CLUSTER.read_text()))
    validate_config(config)
    assert config["available_node_types"]["gpu"]["resources"]["GPU"] == 4


def test_ray_would_refuse_an_unknown_key():
    config = {**yaml.safe_load(CLUSTER.read_text()), "initial_workers": 2}
    with pytest.raises(ValidationError, match="initial_workers"):
        validate_config(prepare_config(config))
