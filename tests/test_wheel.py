"""What is shipped: the wheel holds everything that the program needs, and installs on its own."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return path


def test_it_carries_presets_data_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {path for path in (ROOT / "ray_bench").rglob("*") if path.is_file()}
    wanted = {str(path.relative_to(ROOT)) for path in shipped if path.suffix != ".pyc"}
    assert wanted <= names
    assert {
        "ray_bench/py.typed",
        "ray_bench/config/presets/demo.yaml",
        "ray_bench/config/presets/curve.yaml",
    } <= names
    assert any(name.endswith(".npz") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_it_installs_into_an_empty_environment(wheel, tmp_path):
    """Without its dependencies: those of this environment are borrowed, ray_bench itself is not."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    borrowed = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [str(tmp_path / "venv" / "bin" / "ray-bench"), "run", "demo", "--dry-run"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(borrowed), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 runs of cnn-fashion-mnist")
