"""The recipes of the service: what they start is what the program takes."""

from __future__ import annotations

import ast
import re
import shlex

import typer
import yaml

from ray_bench.cli.main import app
from tests.deploy.recipes import KUBERAY, ROOT

DOCKERFILE = ROOT / "deploy" / "serve.Dockerfile"


def parsed(words):
    """What `ray-bench serve` understands of a command line."""
    assert words[:4] == ["python", "-m", "ray_bench", "serve"]
    return typer.main.get_command(app).get_command(None, "serve").make_context("serve", words[4:])


def test_the_container_starts_what_the_program_takes():
    text = DOCKERFILE.read_text()
    given = parsed(ast.literal_eval(re.search(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)[1])).params
    assert (given["folder"], given["host"]) == ("/results", "0.0.0.0")
    (run,) = re.findall(r"^RUN (.+)$", text, re.MULTILINE)
    assert shlex.split(run)[-1] == "/home/ray/ray_bench[serve]"  # where deploy/Dockerfile puts it


def test_kubernetes_starts_it_beside_the_cluster_with_both_tokens_in_secrets():
    deployment, service = yaml.safe_load_all((ROOT / "deploy" / "serve.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = parsed([*container["command"], *container["args"]]).params
    cluster = next(x for x in KUBERAY if x.name == "raycluster.yaml")
    name = yaml.safe_load(cluster.read_text())["metadata"]["name"]
    assert given["address"] == f"http://{name}-head-svc:8265"
    mounts = {x["mountPath"]: x["name"] for x in container["volumeMounts"]}
    assert mounts[str(given["token_file"].parent)] == "tokens"
    assert str(given["state_dir"]).startswith("/shared/")
    assert given["folder"].startswith("/shared/")
    port = container["ports"][0]["containerPort"]
    assert given["port"] == port == service["spec"]["ports"][0]["port"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    secrets = [x["valueFrom"]["secretKeyRef"] for x in container["env"] if "valueFrom" in x]
    assert secrets == [{"name": name, "key": "auth_token"}]  # the one that KubeRay makes
    assert deployment["spec"]["replicas"] == 1
