"""The environment of the driver."""

from ray._private.ray_logging import LogDeduplicator

from ray_bench.launch import settings

WARNING = (
    "WARNING: 8 PYTHON worker processes have been started on node: e7f4 with address: 192.0.2.2, "
    "which is 4x the maximum expected startup concurrency (2). This could be a result of ..."
)


def test_rays_warning_about_many_workers_is_skipped_and_no_other():
    skip = settings.DRIVER_ENV["RAY_DEDUP_LOGS_SKIP_REGEX"]
    printer = LogDeduplicator(5, None, skip)
    for text in (WARNING, "WARNING: the node is low on memory"):
        batches = printer.deduplicate(
            {"lines": [text], "pid": "raylet", "ip": "x", "is_err": False}
        )
        assert [line for batch in batches for line in batch["lines"]] == (
            [] if text is WARNING else [text]
        )


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("RAY_DEDUP_LOGS_SKIP_REGEX", "mine")
    settings.apply({"RAY_DEDUP_LOGS_SKIP_REGEX": "ours"})
    assert settings.os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] == "mine"
