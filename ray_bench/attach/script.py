"""Runs a script as Python would: in a fresh `__main__`, with its own arguments and first path."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path

from ray_bench.errors import ConfigError


def run_script(target: str, arguments: Sequence[str], *, is_module: bool) -> None:
    """Run a file, or a module by name; whatever it raises comes through.

    `__main__` stays the script's afterwards: what it pickles at its end looks there.

    Raises:
        ConfigError: There is no such script.
    """
    path, package = _module_file(target) if is_module else (_script_file(target), None)
    source = path.read_bytes()
    main = types.ModuleType("__main__")
    main.__file__, main.__package__ = str(path), package
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]
    if is_module:
        main.__spec__ = importlib.util.find_spec(target)
    else:
        sys.path[0] = str(path.parent)
    sys.argv = [str(path), *arguments]
    sys.modules["__main__"] = main
    exec(compile(source, str(path), "exec"), main.__dict__)


def _script_file(target: str) -> Path:
    path = Path(target)
    path = path / "__main__.py" if path.is_dir() else path
    if not path.is_file():
        raise ConfigError(f"There is no script {target!r}; look for a slip in the path.")
    return path.resolve()


def _module_file(target: str) -> tuple[Path, str | None]:
    sys.path[0] = ""
    try:
        spec = importlib.util.find_spec(target)
        if spec is not None and spec.submodule_search_locations is not None:
            target = f"{target}.__main__"
            spec = importlib.util.find_spec(target)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise ConfigError(f"There is no module {target!r} that could be run; see `python -m`.")
    return Path(spec.origin), target.rpartition(".")[0]
