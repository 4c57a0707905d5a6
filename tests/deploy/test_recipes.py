"""The recipes for clusters: valid without a cloud, and installing exactly what the project says."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import jsonschema
import pytest
import typer.main
import yaml
from packaging.requirements import Requirement
from ray.autoscaler._private.util import prepare_config, validate_config

from ray_bench.cli.main import app
from ray_bench.launch.job_request import STOP_WAIT_S
from tests.deploy.kuberay_schema import SCHEMAS
from tests.deploy.recipes import DOCKERFILE, KUBERAY, RAY_YAML, ROOT, installs

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPES = [*RAY_YAML, DOCKERFILE]


def name_of(path: Path) -> str:
    return path.name


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", RAY_YAML, ids=name_of)
def test_ray_accepts_it(path):
    config = prepare_config(read(path))
    validate_config(config)
    assert config["available_node_types"]


@pytest.mark.parametrize("path", RAY_YAML, ids=name_of)
def test_ray_would_refuse_an_unknown_key(path):
    with pytest.raises(jsonschema.ValidationError, match="initial_workers"):
        validate_config(prepare_config({**read(path), "initial_workers": 2}))


def test_the_workers_on_aws_are_spot_and_the_head_is_not():
    types = read(ROOT / "cluster.yaml")["available_node_types"]
    assert types["gpu"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in types["head"]["node_config"]
    assert types["gpu"]["resources"]["GPU"] == 4


@pytest.mark.parametrize("path", RECIPES, ids=name_of)
def test_it_installs_the_project_and_one_ray_and_nothing_else(path):
    """So that pyproject.toml alone says what a cluster has."""
    project, ray = installs(path)
    assert project.endswith("/ray_bench")
    assert ray == f"ray=={ray_version()}"


@pytest.mark.parametrize("path", RAY_YAML, ids=name_of)
def test_the_project_and_the_token_reach_every_node(path):
    config = read(path)
    project, _ = installs(path)
    assert config["file_mounts"][project] == "."
    (token,) = [there for there, here in config["file_mounts"].items() if "auth_token" in here]
    assert f"chmod 600 {token}" in config["setup_commands"]
    starts = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    starts = [line for line in starts if "ray start" in line]
    run_options = " ".join(config.get("docker", {}).get("run_options", []))
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line + run_options for line in starts)


def test_the_image_gets_all_that_a_build_of_the_project_reads():
    copied = re.findall(r"^COPY --chown=ray (.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    names = {word for line in copied for word in line.split()}
    build = {"pyproject.toml", PROJECT["readme"], "LICENSE", "ray_bench"}
    assert names == build
    assert all((ROOT / name).exists() for name in names)


def ray_version() -> str:
    found = re.search(r"^ARG RAY_VERSION=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert found
    return found[1]


def test_all_recipes_run_one_ray_that_the_project_takes():
    texts = [path.read_text() for path in (*RAY_YAML, *KUBERAY)]
    written = {
        version
        for text in texts
        for version in re.findall(r"(?:ray==|rayproject/ray:|rayVersion: )(\d+\.\d+\.\d+)", text)
    }
    assert written == {ray_version()}
    (needed,) = [one for one in PROJECT["dependencies"] if one.startswith("ray[")]
    assert Requirement(needed).specifier.contains(ray_version())


@pytest.mark.parametrize("path", KUBERAY, ids=name_of)
def test_kuberay_knows_every_key(path):
    jsonschema.validate(read(path), SCHEMAS[path.name])


@pytest.mark.parametrize("path", KUBERAY, ids=name_of)
@pytest.mark.parametrize("typo", ["entrypointNumCPU", "replica", "authOption"])
def test_a_typing_error_for_kuberay_would_be_seen(path, typo):
    document = read(path)
    document["spec"][typo] = 1
    with pytest.raises(jsonschema.ValidationError, match=typo):
        jsonschema.validate(document, SCHEMAS[path.name])


@pytest.mark.parametrize("path", KUBERAY, ids=name_of)
def test_kubernetes_has_tokens_a_queue_and_results_that_stay(path):
    document = read(path)
    cluster = document["spec"].get("rayClusterSpec", document["spec"])
    assert cluster["authOptions"] == {"mode": "token"}
    assert document["metadata"]["labels"]["kueue.x-k8s.io/queue-name"]
    head = cluster["headGroupSpec"]
    assert head["rayStartParams"] == {"num-cpus": "0"}
    pods = [head["template"], *(group["template"] for group in cluster["workerGroupSpecs"])]
    for pod in pods:
        names = {volume["name"] for volume in pod["spec"]["volumes"]}
        (container,) = pod["spec"]["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == names
        assert container["resources"]["requests"] == container["resources"]["limits"]


def test_the_job_on_kubernetes_is_one_that_the_program_takes():
    spec = read(ROOT / "deploy" / "kuberay" / "rayjob.yaml")["spec"]
    words = shlex.split(spec["entrypoint"])
    assert words[:4] == ["python", "-m", "ray_bench", "run"]
    run = typer.main.get_command(app).get_command(None, "run")
    results = run.make_context("run", words[4:]).params["results"]
    (mount,) = spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0][
        "volumeMounts"
    ]
    assert results.startswith(f"{mount['mountPath']}/")
    assert spec["shutdownAfterJobFinishes"]  # Kueue does not admit it otherwise
    env_vars = yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]
    assert env_vars == {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S)}
