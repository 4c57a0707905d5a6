"""What is asked of a sweep, by a command, a job or a program."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field

from ray_bench.config.secrets import masked_arguments
from ray_bench.store.labels import Labels


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A configuration, where its results go, and where it runs.

    Attributes:
        source: A YAML file or a preset; None takes the defaults.
        overrides: `key=value` settings on top of it.
        results: A folder or a URI.
        address: A Ray cluster; None for RAY_ADDRESS, or else one that ends with the sweep.
        resume: Run only what the newest sweep of this configuration lacks.
        extend: Take over what an earlier sweep, which asked for fewer runs, has measured.
        budget: At most so much, as `20min` or `5USD`; what tells most is measured first.
        script: What stands after `--`: somebody's training script, and its arguments.
        resumed: Which sweep to resume or extend: an id, its start, a name or a tag; None takes the
            newest, or the one that has most of the runs.
        labels: What the sweep is called from its start.
    """

    source: str | None
    overrides: tuple[str, ...]
    results: str
    address: str | None = None
    resume: bool = False
    extend: bool = False
    budget: str | None = None
    script: tuple[str, ...] = ()
    resumed: str | None = None
    labels: Labels = field(default_factory=Labels)

    @property
    def settings(self) -> tuple[str, ...]:
        """`key=value` settings, those of the script among them."""
        return (*self.overrides, *script_settings(self.script))

    def command(self, *, resume: bool) -> str:
        """Return the command line that asks for this; values that look secret are masked."""
        words = ["ray-bench", "run", *([self.source] if self.source else []), *self.overrides]
        words += ["--results", self.results]
        words += ["--address", self.address] if self.address else []
        words += ["--budget", self.budget] if self.budget else []
        words += ["--resume"] if resume else []
        words += ["--sweep", self.resumed] if resume and self.resumed and not self.extend else []
        words += ["--", *self.script] if self.script else []
        return shlex.join(masked_arguments(words))


def script_settings(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return as `key=value` settings what stands after `--`: `train.py ARGS`, `-m module ARGS`."""
    if not words:
        return ()
    is_module = words[0] == "-m" and len(words) > 1
    script = f"-m {words[1]}" if is_module else words[0]
    args = list(words[2:] if is_module else words[1:])
    return f"script={json.dumps(script)}", f"args={json.dumps(args)}"
