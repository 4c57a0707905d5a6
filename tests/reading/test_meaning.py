"""What names of columns and cells mean."""

import pytest

from ray_bench.reading.decimals import decimal_mark
from ray_bench.reading.numbers import number_of
from ray_bench.reading.sizes import size_of
from ray_bench.reading.synonyms import meaning_of
from ray_bench.reading.table import Numbered, Table

ROLES = {
    "world_size": "world_size|GPUs|#GPU|num_gpus|n_procs|workers|Ranks|nprocs|N|Number of GPUs|"
    "# of GPU|Anzahl GPUs|GPU count|accelerators",
    "num_nodes": "nodes|num_nodes|nnodes|hosts|Number of nodes|Anzahl Knoten",
    "workers_per_node": "gpus_per_node|nproc_per_node|GPUs per node|workers/node",
    "rate": "throughput|images/s|img/s|samples/sec|tokens_per_second|tok/s/gpu|"
    "images_per_sec_global|throughput_img_s|fps|TGS|imgs/min|"
    "Throughput (samples/s)|epochs/hour|Bilder/s|throughput (img/min)",
    "step_rate": "it/s|its/s|steps_per_sec|iterations/s|train_steps_per_second|steps/min",
    "step_time": "ms/step|step_time_ms|s/it|mean_step_sec|stepTimeMs|time per iteration (ms)|"
    "batch_time_s|Step time [ms]|step time (min)",
    "epoch_time": "s/epoch|epoch_time_sec|avg_epoch_s|Time/epoch (min)|sec. per epoch|"
    "Epoch time|epoch time min",
    "total_time": "total_time_s|runtime|Training time (h)|Time to train|wall time",
    "time": "time|Time (s)|elapsed|seconds|Result (minutes)",
    "speedup": "speedup|Speed-up|speed up|Acceleration Rate|relative speedup",
    "efficiency": "efficiency|Effizienz|Scaling efficiency (%)|parallel_efficiency",
    "local_batch_size": "batch_per_gpu|local_batch_size|per_device_train_batch_size|mbs",
    "global_batch_size": "global_batch_size|Global batch|effective batch size|GBS",
    "batch_size": "batch_size|batch|BS|Batch size",
    "measured": "loss|train_loss|accuracy|peak_gpu_mem_mb|seed|run_id|timestamp|epoch|lr|"
    "power_w|throughput_std|std|max_throughput|MFU|TFLOPs/GPU|data_time|"
    "learning_rate|eval_time_s|GPU_util|img/s min|throughput max|"
    "step_time_ms_min",
    "amount": "epochs|steps|num_steps|warmup_steps",
}
CASES = [(name, role) for role, names in ROLES.items() for name in names.split("|")]


@pytest.mark.parametrize(("name", "role"), CASES)
def test_names(name, role):
    found = meaning_of(name)
    assert found is not None
    assert found.role == role


@pytest.mark.parametrize(
    "name",
    ["method", "framework", "precision", "cluster", "date", "model", "config", "interconnect"],
)
def test_settings_mean_nothing_else(name):
    assert meaning_of(name) is None


@pytest.mark.parametrize(
    ("name", "unit", "seconds", "per"),
    [
        ("images_per_sec_per_gpu", "images", 1, "worker"),
        ("tokens/GPU/s", "tokens", 1, "worker"),
        ("total img/s", "images", 1, "total"),
        ("samples/min", "samples", 60, None),
        ("samples/s/node", "samples", 1, "node"),
    ],
)
def test_units_of_rates(name, unit, seconds, per):
    found = meaning_of(name)
    assert (found.unit, found.seconds, found.per) == (unit, seconds, per)


@pytest.mark.parametrize(
    ("cell", "mark", "value", "unit"),
    [
        ("1.2k", "point", 1200, ""),
        ("1,2k", "comma", 1200, ""),
        ("1.5M tok/s", "point", 1.5e6, "tok/s"),
        ("5 m", "point", 5, "m"),
        ("95 %", "point", 95, "%"),
        ("1.98 X", "point", 1.98, "X"),
        ("1,302.4", "point", 1302.4, ""),
        ("1.302,4", "comma", 1302.4, ""),
        ("1 302,4", "comma", 1302.4, ""),
        ("12'345.6", "point", 12345.6, ""),
        ("~100", "point", 100, ""),
        ("100.5 \u00b1 2.1 img/s", "point", 100.5, "img/s"),
        ("1.607431e+08", "point", 160743100, ""),
        ("**42**", "point", 42, ""),
        ("0:06:48.60", "point", 408.6, "s"),
        ("23h 15m", "point", 83700, "s"),
        ("2 min 3 s", "point", 123, "s"),
        ("1:02:03:04", "point", 93784, "s"),
    ],
)
def test_cells(cell, mark, value, unit):
    found = number_of(cell, mark)
    assert (found.value, found.unit) == (pytest.approx(value), unit)


@pytest.mark.parametrize(
    "cell", ["fast", "1.2.3", "1,30", "1,2345", "12:34", "", True, None, "1_000"]
)
def test_cells_that_are_no_numbers(cell):
    assert number_of(cell, "point") is None


@pytest.mark.parametrize(
    ("cell", "workers", "nodes"),
    [
        (8, 8, None),
        (8.0, 8, None),
        ("8.0", 8, None),
        ("1,024", 1024, None),
        ("8 GPUs", 8, None),
        ("GPU x 4", 4, None),
        ("2x8", 16, 2),
        ("2 nodes x 8 GPUs", 16, 2),
        ("16GPUs(2 nodes)", 16, 2),
        ("8x A100", 8, None),
        ("8 \u00d7 V100-32GB", 8, None),
        ("3 nodes", 3, None),
    ],
)
def test_world_sizes(cell, workers, nodes):
    found = size_of(cell)
    assert (found.workers, found.nodes) == (workers, nodes)


@pytest.mark.parametrize(
    "cell", [0, -1, 1.5, "1.5", "half", "A100", True, "0x8", 10**40, "9" * 5000]
)
def test_what_is_no_world_size(cell):
    assert size_of(cell) is None


@pytest.mark.parametrize(
    ("cells", "delimiter", "mark"),
    [
        (["1,5", "1.302,4"], ";", "comma"),
        (["1.5", "1,302.4"], ",", "point"),
        (["1.302"], ",", "point"),
        (["1.302"], ";", None),
        (["1,302"], ",", None),
        (["1,302,400"], "\t", "point"),
        (["1.302.400"], "\t", "comma"),
        (["12"], ";", "point"),
    ],
)
def test_the_decimal_mark_is_that_of_the_file(cells, delimiter, mark):
    rows = Numbered("line", range(2, 2 + len(cells)))
    table = Table(name="a.csv", columns={"x": cells}, rows=rows, delimiter=delimiter)
    assert decimal_mark(table, ["x"]) == mark
