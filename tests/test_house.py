"""The rules of the house: who may import whom, what is documented, what is shipped."""

import ast
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ray_bench import errors
from ray_bench.cli import docs

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ray_bench"
MODULES = sorted(PACKAGE.rglob("*.py"))
BOTTOM = {"records", "errors", "causes", "config", "stats"}
RUN_WING = {"workloads", "measure", "train", "launch"}

#: room -> (rooms of ray_bench, third-party packages) that it may import, itself apart.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "__init__": ({"api", "attach"}, set()),  # within `load`, so that `import ray_bench` stays light
    "api": (BOTTOM | {"store", "analysis", "report", "journals"}, {"pandas", "pyarrow", "altair"}),
    "__main__": ({"cli"}, set()),
    "needs": (set(), {"packaging"}),
    "errors": (set(), set()),
    "causes": (set(), set()),
    "records": (set(), {"numpy"}),
    "stats": (set(), {"numpy", "scipy"}),
    "config": ({"records", "errors"}, {"pydantic", "pydantic_core", "yaml"}),
    "workloads": (BOTTOM, {"torch", "torchvision", "numpy", "pyarrow", "PIL"}),
    "measure": (BOTTOM, {"torch", "numpy", "scipy", "psutil", "pynvml"}),
    "train": (BOTTOM | {"measure", "workloads"}, {"torch", "numpy"}),
    "attach": (BOTTOM | {"measure"}, {"torch"}),
    "journals": (BOTTOM | {"measure", "store"}, set()),
    "launch": (
        BOTTOM | {"train", "measure", "workloads", "needs", "journals", "attach"},
        {"ray", "torch", "numpy", "psutil", "aiohttp"},
    ),
    "store": (BOTTOM, {"pyarrow", "numpy"}),
    "reading": (BOTTOM, {"pandas", "pyarrow", "openpyxl", "numpy"}),
    "analysis": (BOTTOM, {"numpy", "scipy"}),
    "report": (BOTTOM | {"analysis", "store"}, {"numpy", "rich", "altair", "vl_convert", "jinja2"}),
    "serve": (
        BOTTOM | {"analysis", "store", "report", "sweep", "launch", "journals", "workloads"},
        {
            "fastapi",
            "starlette",
            "uvicorn",
            "jinja2",
            "pydantic",
            "mcp",
            "yaml",
            "psutil",
            "prometheus_client",
        },
    ),
    "trackers": (BOTTOM | {"analysis"}, {"tensorboardX", "mlflow", "wandb"}),
    "sweep": (
        BOTTOM
        | {"launch", "train", "measure", "workloads", "store", "analysis", "trackers", "journals"},
        set(),
    ),
    "cli": (
        BOTTOM
        | RUN_WING
        | {
            "sweep",
            "store",
            "reading",
            "analysis",
            "report",
            "trackers",
            "needs",
            "journals",
            "serve",
        },
        {"typer", "rich", "yaml"},
    ),
}

#: Imported for every `--help`; everything else waits for its command.
HELP_MODULES = (
    "main",
    "run",
    "submit",
    "report",
    "compare",
    "export",
    "fit",
    "listing",
    "labels",
    "workloads",
    "config",
    "options",
    "network",
    "doctor",
    "serve",
)


def imports_of(nodes):
    """Yield the dotted names that are imported, `from ray_bench import x` as `ray_bench.x`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "ray_bench":
            yield from (f"ray_bench.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def whole_names_of(nodes):
    """Yield `a.b.c` where it is written so, and the names of `from a.b import c`."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_import_only_what_they_may(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    rooms, packages = MAY_IMPORT[room]
    for name in imports_of(ast.walk(ast.parse(path.read_text()))):
        top, _, rest = name.partition(".")
        if top == "ray_bench":
            assert rest.split(".")[0] in rooms | {room, "__version__", ""}, f"{path} imports {name}"
        else:
            assert top in packages | set(sys.stdlib_module_names), f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_door_imports_rays_private_parts(path):
    if PACKAGE / "launch" / "tuned" in path.parents:
        return
    tree = ast.parse(path.read_text())
    names = [*imports_of(ast.walk(tree)), *whole_names_of(ast.walk(tree))]
    private = re.compile(r"ray\.(.*\.)?_(?!_)|ray\.core\.generated\b|unittest\b")
    assert [name for name in names if private.match(name)] == [], path


@pytest.mark.parametrize("module", HELP_MODULES)
def test_commands_import_their_layer_when_they_run(module):
    tree = ast.parse((PACKAGE / "cli" / f"{module}.py").read_text())
    allowed = ("typer", "ray_bench.errors", "ray_bench.cli", "ray_bench.__version__")
    for name in imports_of(tree.body):
        assert name.startswith(allowed) or name.split(".")[0] in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is(path):
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert len(text) > 20, f"{path} has no docstring"
    assert "TBD" not in text


def all_errors(base=errors.RayBenchError):
    yield base
    for child in base.__subclasses__():
        yield from all_errors(child)


@pytest.mark.parametrize("error", sorted(set(all_errors()), key=lambda e: e.__name__))
def test_errors_survive_pickling_and_are_drawn(error):
    copy = pickle.loads(pickle.dumps(error("what, got 3, do this.")))
    assert (type(copy), str(copy)) == (error, "what, got 3, do this.")
    assert error.__name__ in errors.__doc__


@pytest.mark.parametrize("name", docs.commands())
def test_every_command_is_documented_with_an_example(name):
    help_text, _ = docs.commands()[name]
    assert re.search(rf"Examples?:\n  {name}", help_text), f"{name} has no example"
    assert f"## {name}\n" in (ROOT / "docs" / "cli.md").read_text()


def test_the_page_of_the_command_line_is_up_to_date():
    assert (ROOT / "docs" / "cli.md").read_text() == docs.markdown(), "run: make docs"


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_help_is_quick_because_it_imports_little():
    code = (
        "import sys\n"
        "from ray_bench.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'ray', 'pyarrow', 'pandas', 'numpy', 'scipy', 'pydantic', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = python(code)
    assert "Usage: ray-bench" in done.stdout
    assert done.stderr == "[]\n"


def test_a_command_that_is_over_is_not_searched_for_cycles():
    """Python would search at its end; what is registered first is called last."""
    done = python(
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "from ray_bench.cli.main import main\n"
        "sys.argv = ['ray-bench', '--version']\n"
        "main()\n"
    )
    assert done.stdout.splitlines()[-1] == "True", done.stderr


@pytest.mark.parametrize(
    "module",
    ["ray_bench.analysis", "ray_bench.store", "ray_bench.journals", "ray_bench.report.model"],
)
def test_explaining_needs_neither_torch_nor_ray(module):
    done = python(
        "import sys, pkgutil, importlib\n"
        "sys.modules.update(torch=None, torchvision=None, ray=None)\n"
        "module = importlib.import_module(sys.argv[1])\n"
        "for info in pkgutil.walk_packages(getattr(module, '__path__', []), sys.argv[1] + '.'):\n"
        "    importlib.import_module(info.name)\n",
        module,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "ray_bench.cli.execute",
        "ray_bench.sweep.ladder",
        "ray_bench.sweep.run",
        "ray_bench.launch.ladder",
        "ray_bench.launch.network",
        "ray_bench.launch.sweep",
    ],
)
def test_the_program_that_starts_a_sweep_leaves_torch_to_its_trials(module):
    done = python(f"import sys\nimport {module}\nprint('torch' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def committed_texts():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    suffixes = {".py", ".md", ".toml", ".yaml", ".json", ""}
    return [ROOT / n for n in listed.stdout.splitlines() if Path(n).suffix in suffixes]


def test_no_file_knows_where_this_machine_keeps_things():
    places = re.compile(
        r"(?<![\w.])/(?:work|root|home(?!/ray\b))/[\w.]+"
    )  # Ray images use /home/ray
    for path in committed_texts():
        if path.is_file():
            found = places.findall(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{path}: {found}"
