"""Data sets fetched by torchvision, once a host."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ray_bench.errors import MissingDataError
from ray_bench.workloads.decode_cache import host_lock
from ray_bench.workloads.specs import DatasetSpec

#: The folder that a class of torchvision writes, where it is not named as the class.
_FOLDERS = {"CIFAR10": "cifar-10-batches-py"}


def fetch(spec: DatasetSpec, folder: Path) -> None:
    """Let torchvision fetch and unpack the data set into the folder.

    Raises:
        MissingDataError: It could not be fetched.
    """
    name = _FOLDERS.get(str(spec.torchvision_name), str(spec.torchvision_name))
    try:
        with host_lock(folder, f".download-{spec.key}"):
            if not (folder / name).exists():  # another rank may have fetched it meanwhile
                _fetch_whole(spec, folder, name)
    except (OSError, RuntimeError) as err:
        raise MissingDataError(
            f"{spec.title} could not be fetched into {folder}: {err}. Fetch it by hand and give "
            "its folder as `data.dir`."
        ) from err


def _fetch_whole(spec: DatasetSpec, folder: Path, name: str) -> None:
    """Fetch beside the final place and rename: other ranks never see half a data set."""
    import torchvision.datasets

    factory = getattr(torchvision.datasets, str(spec.torchvision_name))
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
        factory(root=temporary, download=True)
        (Path(temporary) / name).rename(folder / name)
