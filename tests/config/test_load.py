"""Tests of reading configurations, and of what is said about wrong ones."""

import pytest

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.config.load import fill_in, load, preset_names
from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ConfigError


@pytest.fixture
def sweep_yaml(tmp_path):
    def write(text):
        path = tmp_path / "sweep.yaml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid(name):
    assert load(name).workload


def test_the_demo_is_small():
    demo = load("demo")
    assert demo.world_sizes == (1, 2)
    assert demo.repeats * len(demo.world_sizes) * len(demo.lr_rules) <= 6


def test_file_and_overrides(sweep_yaml):
    path = sweep_yaml("workload: cnn-digits\nlr: 1e-3\ndata:\n  standin: true\n")
    config = load(path, ["epochs=3", "data.download=true", "epochs=4"])
    assert (config.lr, config.epochs) == (1e-3, 4)
    assert (config.data.standin, config.data.download) == (True, True)


def test_presets_are_not_changed_by_overrides():
    load("demo", ["data.standin=true"])
    assert load("demo").data.standin is False


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("lr=1e-3", "lr", 0.001),
        ("lr=5", "lr", 5.0),
        ("world_sizes=[1,2,4]", "world_sizes", (1, 2, 4)),
        ("world_sizes=4", "world_sizes", (4,)),
        ("lr_rules=sqrt", "lr_rules", ("sqrt",)),
        ("currency=NO", "currency", "NO"),
        ("use_gpu=true", "use_gpu", True),
        ("use_gpu=off", "use_gpu", False),
        ("compile=true", "compile", ("default",)),
        ("compile=[false, reduce-overhead]", "compile", ("none", "reduce-overhead")),
        ("use_gpu=null", "use_gpu", None),
        ("use_gpu=", "use_gpu", None),
        ("launch.env={OMP_NUM_THREADS: 2}", "launch", {"env": {"OMP_NUM_THREADS": "2"}}),
    ],
)
def test_values_are_what_they_look_like(text, name, value):
    found = getattr(load("demo", [text]), name)
    if isinstance(value, dict):
        found = found.model_dump(include=set(value))
    assert found == value


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epoch=3", "Unknown key `epoch`. Did you mean `epochs`?"),
        ("data.standing=true", "Unknown key `data.standing`. Did you mean `standin`?"),
        ("compression=bf16", "Unknown key `compression`. Did you mean `ddp.compression`?"),
        ("data.epochs=3", "Unknown key `data.epochs`. Did you mean `epochs`?"),
        ("qqq=1", "Unknown key `qqq`. Keys here: workload, world_sizes"),
        ("world_sizes=1,2", "`world_sizes[0]`: must be a valid integer, unable to parse string "),
        ("world_sizes=1,2", "Write a list in brackets: [1,2]."),
        ("world_sizes=[1,0]", "a world size must be 1 or more, got 0."),
        ("world_sizes=[2,2]", "values must differ, got [2, 2]"),
        ("world_sizes=[]", "`world_sizes`: must have at least one value, got []."),
        ("world_sizes=null", "`world_sizes`: must be a list, got None."),
        ("repeats=10000000", "`repeats`: must be less than or equal to 10000"),
        ("launch.timeout_s=1e300", "must be less than or equal to 1000000"),
        ("lr_rules=linaer", "power:0.66, got 'linaer'. Did you mean `linear`?"),
        ("lr=nan", "`lr`: must be a finite number, got nan."),
        ("lr=.nan", "`lr`: must be a finite number, got nan."),
        ("lr=-1", "`lr`: must be greater than 0, got -1"),
        ("epochs=true", "`epochs`: must be a number, got True."),
        ("epochs=1.5", "must be a valid integer"),
        ("seeds=-1", "`seeds[0]`: must be greater than or equal to 0, got -1."),
        ("data=5", "`data`: must be a group of keys, got 5."),
        ("workload.x=1", "Cannot set 'workload.x': `workload` is 'cnn-fashion-mnist'"),
        ("steps=4", "give `epochs` or `steps`, not both."),
        ("foo", "Expected key=value, got 'foo'"),
        ("=3", "Expected key=value, got '=3'"),
        ("lr=[", "The value of 'lr=[' is not valid YAML: line 1"),
    ],
)
def test_wrong_overrides(override, message):
    with pytest.raises(ConfigError) as caught:
        load("demo", [override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_mistake_has_a_line():
    with pytest.raises(ConfigError, match=r"`epochs`: .*\n`repeats`: .*"):
        load("demo", ["epochs=0", "repeats=0"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "must hold `key: value` lines, got list ['a', 'b']"),
        ("workload: [\n", "is not valid YAML: line 2"),
        ("lr: 1\nworkload: x\nlr: 2\n", "line 3: key 'lr' is there twice"),
        ("", "`workload` is not set; write workload=..."),
        ("data:\n  dir: x\n  dri: y\nworkload: x\n", "`data.dri`. Did you mean `dir`?"),
    ],
)
def test_wrong_files(sweep_yaml, text, message):
    path = sweep_yaml(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert message in str(caught.value)


def test_unreadable_files(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="Cannot read the configuration"):
        load(str(path))


def test_unknown_sources_get_suggestions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.yaml").write_text("workload: x")
    with pytest.raises(
        ConfigError, match=r"presets are: .*demo, gpt-stdlib.*\. Did you mean 'demo'\?"
    ):
        load("dmo")
    with pytest.raises(ConfigError, match=r"Did you mean 'cluster\.yaml'\?"):
        load("clusters.yaml")


def test_defaults_fill_only_gaps():
    config = fill_in(SweepConfig(workload="x", lr=0.5), WorkloadDefaults(batch_size=64, epochs=7))
    assert (config.lr, config.batch_size, config.epochs) == (0.5, 64, 7)
    assert fill_in(SweepConfig(workload="x", steps=9), WorkloadDefaults()).epochs is None


def test_defaults_that_do_not_divide_are_explained():
    config = SweepConfig(workload="x", world_sizes=(1, 3))
    with pytest.raises(ConfigError, match=r"^batch_size 64 .* not divisible by world size 3"):
        fill_in(config, WorkloadDefaults(batch_size=64))


def test_a_relative_data_folder_becomes_absolute_without_detours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load(None, ["workload=cnn-digits", "data.dir=sub/../images"])
    assert config.data.dir == tmp_path / "images"
