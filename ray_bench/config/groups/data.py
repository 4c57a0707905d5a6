"""Where training data comes from."""

from __future__ import annotations

from pydantic import Field

from ray_bench.config.fields import Folder, Int, Model


class DataConfig(Model):
    """Where training data comes from."""

    dir: Folder | None = Field(
        None, description="Folder with data sets, or with one folder for each (`cifar10/`, ...)."
    )
    standin: bool = Field(
        False,
        description="Use Fashion-MNIST as 32x32x3 where CIFAR-10 is absent; every output says so.",
    )
    download: bool = Field(False, description="Let torchvision download a data set that is absent.")

    cutout: Int = Field(
        0,
        ge=0,
        le=32,
        description="CIFAR-10: side of a square at a random place of each training image that is "
        "blanked, pixels; 0: none.",
    )
