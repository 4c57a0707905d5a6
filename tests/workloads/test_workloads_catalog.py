from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from ray_bench.config.groups import WorkloadDefaults
from ray_bench.errors import ConfigError
from ray_bench.workloads import catalog
from ray_bench.workloads.base import Workload
from ray_bench.workloads.image import ImageClassification

OWN = """
from ray_bench.config.groups import WorkloadDefaults

class Own:
    '''A workload of my own.

    More text.
    '''
    defaults = WorkloadDefaults(lr=0.25)
    def build(self, context):
        return 1, 2, 3

class Empty:
    pass

class BadDefaults(Own):
    defaults = {"lr": 1}

def make():
    return Own()

def make_nothing():
    return 3

instance = Own()
number = 3
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_workload_module.py").write_text(OWN)
    (tmp_path / "needs_more_module.py").write_text("import no_such_package_anywhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tmp_path)])
    yield "own_workload_module"
    sys.modules.pop("own_workload_module", None)


@pytest.mark.parametrize(
    "name", [n for n in catalog.BUILTIN if n not in ("emulated", "gpt-stdlib")]
)
def test_builtin_has_the_number_of_parameters_that_the_catalogue_says(name):
    workload = catalog.load(name)
    assert isinstance(workload, ImageClassification)
    assert isinstance(workload, Workload)
    assert workload.name == name
    num_params = sum(p.numel() for p in workload.make_module().parameters() if p.requires_grad)
    assert num_params == catalog.find(name).num_params


def test_reference_workload_trains_with_the_usual_recipe():
    info = catalog.find("resnet50-cifar10")
    assert info.is_builtin
    assert info.dataset == "cifar10"
    defaults = info.defaults
    assert (defaults.batch_size, defaults.lr, defaults.momentum, defaults.weight_decay) == (
        128,
        0.1,
        0.9,
        5e-4,
    )


@pytest.mark.parametrize("depth", [18, 50])
def test_resnet_keeps_the_resolution_of_small_images(depth):
    model = catalog.load(f"resnet{depth}-cifar10").make_module()
    features = torch.nn.Sequential(*list(model.children())[:5]).eval()
    with torch.inference_mode():
        assert features(torch.zeros(1, 3, 32, 32)).shape[-2:] == (32, 32)


def test_own_class_is_found_in_the_working_directory(own_module):
    info = catalog.find(f"{own_module}:Own")
    assert not info.is_builtin
    assert info.defaults == WorkloadDefaults(lr=0.25)
    assert info.summary == "A workload of my own."
    assert info.dataset is None
    assert info.num_params is None


@pytest.mark.parametrize("attribute", ["Own", "make", "instance"])
def test_class_factory_and_instance_load(own_module, attribute):
    assert catalog.load(f"{own_module}:{attribute}").build(None) == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("resnet50-cifar", "did you mean 'resnet50-cifar10'"),
        ("zzzz", "built in are resnet50-cifar10, .*`package.module:Name`"),
        ("no_such_module_x:Own", "no module 'no_such_module_x'"),
        ("needs_more_module:Own", "needs module 'no_such_package_anywhere'"),
        ("own_workload_module:Owm", "no attribute 'Owm'; did you mean 'Own'"),
        ("own_workload_module:Empty", "no method `build"),
        ("own_workload_module:number", "int 3 and has no `build`"),
        ("json:dumps", "called without arguments .* missing a required argument: 'obj'"),
        ("fractions:Fraction.from_float", "called without arguments"),
        ("own_workload_module:BadDefaults", "must be a WorkloadDefaults, got dict"),
        ("own workload:Own", "`package.module:Name`, got"),
        ("own_workload_module:", "`package.module:Name`, got"),
        ("a:b:c", "`package.module:Name`, got"),
    ],
)
def test_wrong_name_is_a_config_error(own_module, name, match):
    with pytest.raises(ConfigError, match=match):
        catalog.find(name)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("def build(:", r"SyntaxError: .*line 1\)\."),
        ("from json import nope", r"cannot import name 'nope'.*broken_module\.py, line 1\)\."),
        ("x = 1\nx / 0", r"ZeroDivisionError: division by zero \(.*line 2\)\."),
        ("raise SystemExit(3)", r"SystemExit: 3 \("),
        ("raise ValueError", r"cannot be imported: ValueError \("),
    ],
)
def test_module_that_fails_to_import_is_a_config_error(tmp_path, monkeypatch, text, match):
    (tmp_path / "broken_module.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=match):
        catalog.find("broken_module:Own")


def test_factory_that_makes_something_else_is_a_config_error(own_module):
    assert catalog.find(f"{own_module}:make_nothing").name == f"{own_module}:make_nothing"
    with pytest.raises(ConfigError, match="no method `build"):
        catalog.load(f"{own_module}:make_nothing")


def test_catalog_and_locate_need_neither_torch_nor_pyarrow(tmp_path):
    script = (
        "import sys\n"
        "from ray_bench.config.groups import DataConfig\n"
        "from ray_bench.workloads import catalog, datasets\n"
        "catalog.find('resnet50-cifar10')\n"
        "datasets.load(datasets.locate('digits', DataConfig()))\n"
        "datasets.locate('cifar10', DataConfig(standin=True))\n"
        "heavy = {'torch', 'torchvision', 'ray', 'pyarrow', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
