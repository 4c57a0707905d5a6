"""The application for servers that make it themselves."""

import pytest
from fastapi.testclient import TestClient

from ray_bench.errors import ConfigError
from ray_bench.serve import deployed
from tests.serve.conftest import PAGE

TOKEN = "a-token-of-some-length"


def test_the_environment_says_what_options_say(tmp_path):
    found = deployed.settings_of(
        {
            "RAY_BENCH_RESULTS": "s3://bucket/results",
            "RAY_BENCH_TOKEN": TOKEN,
            "RAY_BENCH_ADDRESS": "http://127.0.0.1:8265",
            "RAY_BENCH_STATE_DIR": str(tmp_path),
            "RAY_BENCH_HOST_NAMES": "a.example, b.example",
            "RAY_BENCH_READ_ONLY": "True",
            "RAY_BENCH_ALLOW_CODE": "0",
            "RAY_BENCH_SERVE_PORT": "tcp://10.0.0.1:8300",  # Kubernetes sets it for a service
        }
    )
    assert (found.results, found.address) == ("s3://bucket/results", "http://127.0.0.1:8265")
    assert (found.hosts, found.state_dir) == (("a.example", "b.example"), tmp_path)
    assert (found.read_only, found.allow_code, found.is_behind_tls) == (True, False, False)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"RAY_BENCH_TOKEN": TOKEN}, "RAY_BENCH_RESULTS"),
        ({"RAY_BENCH_RESULTS": "results"}, "RAY_BENCH_TOKEN"),
        ({"RAY_BENCH_RESULTS": "r", "RAY_BENCH_TOKEN": TOKEN, "RAY_BENCH_READ_ONLY": "ja"}, "0 or"),
    ],
)
def test_what_is_missing_or_cannot_be_meant_is_said(environ, says, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=says):
        deployed.settings_of(environ)


def test_the_factory_gives_a_service_that_asks_for_its_token(results, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_BENCH_RESULTS", str(results))
    monkeypatch.setenv("RAY_BENCH_TOKEN", TOKEN)
    monkeypatch.setenv("RAY_BENCH_STATE_DIR", str(tmp_path / "state"))
    with TestClient(deployed.app(), base_url="http://localhost", follow_redirects=False) as client:
        assert client.get("/sweeps", headers=PAGE).status_code == 303
        known = {"Authorization": f"Bearer {TOKEN}", **PAGE}
        assert client.get("/cluster", headers=known).status_code == 200
