"""Machine and settings: where it was measured, what was set, what a world size needs."""

from __future__ import annotations

from ray_bench.analysis.comparison.settings import config_of
from ray_bench.analysis.nodes import nodes_used
from ray_bench.analysis.resources import ResourceRow
from ray_bench.records import Results, RunRecord
from ray_bench.report.cells import Section, Table
from ray_bench.report.configured import set_values
from ray_bench.report.context import Context
from ray_bench.report.fields import Field, rows_table
from ray_bench.report.sections.environment import environment_table


def sections(results: Results) -> tuple[Section, ...]:
    """Return environment, what was set, and the command that measures it again."""
    tables = (environment_table(results),) if results.environments else ()
    return (
        Section("environment", "Machine", tables=tables),
        _configuration(results),
        Section("command", "Command to reproduce", code=results.sweep.command),
    )


def _configuration(results: Results) -> Section:
    """Return what was set; a configuration that cannot be read as it is."""
    key, title = "configuration", "What was set"
    if not config_of(results.sweep.config_json):
        return Section(key, title, code=results.sweep.config_json)
    return Section(key, title, _all_of_it(results), (_settings(results),))


def says(results: Results) -> str:
    """Return the main facts: cores, GPUs, version of PyTorch."""
    environment = next(iter(results.environments.values()), None)
    if environment is None:
        return "the machine is unknown"
    gpus = ", ".join(dict.fromkeys(environment.gpu_names)) or "no GPU"
    return f"{environment.num_cpus} cores, {gpus}; PyTorch {environment.torch_version}"


def _all_of_it(results: Results) -> tuple[str, ...]:
    return (
        "Only what differs from the defaults of this version. `ray-bench report RESULTS --format "
        "json` has the whole configuration; its hash begins with "
        f"{results.sweep.config_sha256[:12]}.",
    )


def _settings(results: Results) -> Table:
    found = list(set_values(results.sweep.config_json).items())
    fields: tuple[Field[tuple[str, str]], ...] = (
        Field("setting", "Setting", None, None, lambda x: x[0]),
        Field("value", "Value", None, None, lambda x: x[1]),
    )
    notes = () if found else ("Everything is as by default.",)
    return rows_table("configured", "What was set", fields, found, notes)


def needs_section(context: Context) -> Section:
    """Return what a world size needs of code and hardware."""
    fields: tuple[Field[ResourceRow], ...] = (
        Field("world_size", "Workers", "count", None, lambda x: x.world_size),
        Field("code", "Code", None, None, lambda x: _code(_run(context, x))),
        Field("added_lines", "Additional lines of code", "count", None, lambda _: 0),
        Field("backend", "Process group", None, None, lambda x: _run(context, x).backend or "none"),
        Field("nodes", "Nodes", "count", None, lambda x: _nodes(context, x)),
        Field("total_memory", "Memory in all", "bytes", "derived", _memory),
        Field("gradients", "Gradients per step", "bytes", "measured", lambda x: _bytes(context, x)),
        Field("traffic", "Link needed per worker", "GB/s", "derived", lambda x: _link(context, x)),
    )
    notes = (
        "ray_bench starts the processes, wraps the model and shards the data: the same class runs "
        "at every world size, so more workers need no additional line. Link needed: 2 (N - 1) / N "
        "x gradient bytes / step time, what a ring all-reduce sends per worker (GB = 10^9 bytes). "
        "Less than that and communication cannot be hidden.",
    )
    title = "Code and hardware needs"
    found = rows_table(context.key("needs"), title, fields, context.study.resources, notes)
    return Section(context.key("needs"), context.title(title), tables=(found,))


def _run(context: Context, row: ResourceRow) -> RunRecord:
    return context.study.runs_at(row.world_size)[0]


def _code(run: RunRecord) -> str:
    size = run.point.world_size
    if not run.point.is_ddp:
        return "plain training loop, one process"
    return f"model wrapped in DDP, data sharded, {size} process{'es' * (size > 1)}"


def _nodes(context: Context, row: ResourceRow) -> int | None:
    return nodes_used(_run(context, row), context.results.environments)


def _memory(row: ResourceRow) -> float | None:
    peak = row.peak_memory_bytes
    return None if peak is None else peak * row.world_size


def _bytes(context: Context, row: ResourceRow) -> int | None:
    return _run(context, row).grad_bytes if row.world_size > 1 else None


def _link(context: Context, row: ResourceRow) -> float | None:
    """Return GB/s that a worker must send so that a step takes no longer."""
    size, run = row.world_size, _run(context, row)
    time = next(x.iteration for x in context.study.times if x.world_size == size)
    if size == 1 or run.grad_bytes is None or time is None:
        return None
    return 2 * (size - 1) / size * run.grad_bytes / time.estimate.value / 1e9
