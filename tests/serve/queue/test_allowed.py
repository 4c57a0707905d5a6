"""What a request may ask for: no code, no path, nothing that is small here and huge when read."""

import sys
from dataclasses import replace

import pytest

from ray_bench.errors import RefusedError
from ray_bench.serve.board import JobRequest
from ray_bench.serve.queue.allowed import TEXTS, check, keys, open_keys, refusals_of


def asked(*settings, **changes):
    return JobRequest(**{"source": None, "settings": settings, **changes})


def refused(request, settings):
    with pytest.raises(RefusedError) as caught:
        check(request, settings)
    return refusals_of(caught.value)


@pytest.mark.parametrize(
    ("key", "setting"),
    [
        ("workload", "workload=os:system"),
        ("script", "script=/etc/passwd"),
        ("train_fn", "train_fn=os:system"),
        ("data.dir", "data.dir=/etc"),
        ("data.dir", "data={dir: ../.., standin: true}"),
        ("checkpoint.dir", "checkpoint.dir=/root"),
        ("launch.env", "launch.env.LD_PRELOAD=/tmp/x.so"),
        ("trackers.mlflow", "trackers.mlflow=true"),
        ("trackers.wandb", "trackers={wandb: true}"),
        ("data.download", "data.download=true"),
    ],
)
def test_code_paths_and_accounts_need_the_services_leave(settings, key, setting):
    own = {"workload": [], "script": ["steps=3"], "train_fn": ["steps=3"]}
    request = asked(*own.get(key, ["workload=emulated"]), setting)
    found = refused(request, settings)
    assert key in {x.key for x in found}
    assert any("--allow-code" in x.text for x in found)
    assert "os_system" not in sys.modules
    check(request, replace(settings, allow_code=True))


def test_a_target_names_no_code_and_needs_no_leave(settings):
    request = asked("workload=cnn-digits", "metrics.target='accuracy >= 90 %'")
    assert check(request, settings).metrics.target == "accuracy>=0.9"


def test_a_script_needs_leave(settings):
    request = asked("steps=3", script=("train.py", "--x"))
    assert "--allow-code" in refused(request, settings)[0].text
    assert check(request, replace(settings, allow_code=True)).script == "train.py"


@pytest.mark.parametrize(
    "settings_asked",
    [
        ("--results=/etc",),
        ("results=/etc",),
        ("epochs",),
        ("",),
        ("=x",),
        ("seeds=" + "[" * 900,),
        ("seeds=&a [*a]",),
        ("note=" + "x" * 3000,),
        ("epochs={a: 1",),
        ("workload=\ud800",),
        ("workload=a\0b",),
        ("repeats=10000",),
        ("world_sizes=[1,2]\n--address=x",),
        ("price_per_worker_hour=.inf",),
        tuple("epochs=1" for _ in range(400)),
    ],
)
def test_nonsense_is_refused(settings, settings_asked):
    base = () if any(x.startswith("workload") for x in settings_asked) else ("workload=emulated",)
    assert all(x.text for x in refused(asked(*base, *settings_asked), settings))


@pytest.mark.parametrize("source", ["/etc/passwd", "../demo", "sweep.yaml", "", "demo "])
def test_only_presets_are_sources(settings, source):
    assert "There is no preset" in refused(asked(source=source), settings)[0].text


@pytest.mark.parametrize("resumed", ["../x", "--help", "a b", "", "x" * 3000])
def test_only_ids_are_resumed(settings, resumed):
    (found,) = refused(asked(source="demo", resumed=resumed), settings)
    assert "is no id of a sweep" in found.text or "is too long" in found.text


def test_everything_that_stops_it_is_said_with_its_key(settings):
    found = refused(asked("workload=cnn-digits", "epochs=x", "repeats=0"), settings)
    assert [x.key for x in found] == ["epochs", "repeats"]
    (found,) = refused(asked("workload=cnn-digits", "batch_size=100", "world_sizes=[8]"), settings)
    assert found.key == "batch_size"


def test_a_text_is_open_until_somebody_has_thought():
    assert set(keys()) >= TEXTS
    assert {"data.dir", "checkpoint.dir", "launch.env", "args", "script"} <= open_keys()
    assert not open_keys() & {"epochs", "precision", "ddp.bucket_cap_mb", "world_sizes", "workload"}
