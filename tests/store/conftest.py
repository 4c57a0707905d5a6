"""An object store on this machine, behind a proxy that makes it fail."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.store.fault_proxy import FaultProxy

BUCKET = "bucket"


@pytest.fixture(scope="session")
def object_store_port() -> Iterator[int]:
    """An S3 without memory of yesterday, at this port."""
    server_module = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def proxy(object_store_port, monkeypatch) -> Iterator[FaultProxy]:
    """A proxy before an empty store with one bucket; waits between tries are short."""
    from http.client import HTTPConnection

    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ray_bench.store.patience.FIRST_WAIT_S", 0.02)
    connection = HTTPConnection("127.0.0.1", object_store_port, timeout=20)
    for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{BUCKET}")):
        connection.request(method, path)
        assert connection.getresponse().read() is not None
    connection.close()
    made = FaultProxy(object_store_port)
    yield made
    made.close()
