"""Results in an object store, served."""

from __future__ import annotations

from ray_bench.serve.places import check_results
from ray_bench.store import ResultsStore
from tests.serve.conftest import PAGE
from tests.store.conftest import BUCKET, object_store_port, proxy  # noqa: F401
from tests.stored import write_results
from tests.synthetic import synthetic


def test_an_object_store_is_shown_and_labelled(proxy, make_client):  # noqa: F811
    root = f"s3://{BUCKET}/results?{proxy.uri_options}"
    write_results(ResultsStore(root), synthetic((1, 2), repeats=2))
    assert not check_results(root, read_only=False)
    client = make_client(results=root)
    client.headers["X-CSRF-Token"] = client.app.state.identity.csrf_token
    (sweep,) = ResultsStore(root).sweeps()
    for path in ("/healthz", "/sweeps", f"/sweeps/{sweep.sweep_id}"):
        assert client.get(path, headers=PAGE).status_code == 200
    made = client.post(f"/sweeps/{sweep.sweep_id}/labels", data={"name": "base"})
    assert made.status_code == 303
    assert ResultsStore(root).labels(sweep.sweep_id).name == "base"
