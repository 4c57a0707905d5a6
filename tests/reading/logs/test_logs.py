"""Logs as programs write them, retyped with other numbers: the page's examples, and odd ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ray_bench.errors import CorruptDataError, DataError
from ray_bench.reading.logs import FORMATS, KEYS, read_log

PAGE = (Path(__file__).parents[3] / "docs" / "reading_logs.md").read_text()
EXAMPLES = re.findall(r"\n## ([^\n]+)\n.*?```text\n(.*?)```\n\n```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def read(tmp_path):
    def of(text: str | bytes, name: str = "job.log", head_chars: int = 4096):
        content = text.encode() if isinstance(text, str) else text
        file = tmp_path / name
        file.write_bytes(content)
        return read_log(content[:head_chars].decode("utf-8", errors="replace"), file)

    return of


def iteration(number: int, ms: float, batch: int = 64) -> str:
    return (
        f" [2025-01-01 10:00:00] iteration {number:8d}/     900 | consumed samples: {number * 64} |"
        f" elapsed time per iteration (ms): {ms:.1f} | global batch size: {batch:5d} | loss: 1 |\n"
    )


def test_there_is_an_example_of_every_format():
    assert len(EXAMPLES) == len(FORMATS) + 1  # trainer_state.json is no log of lines


@pytest.mark.parametrize(("title", "text", "runs"), EXAMPLES, ids=[x[0] for x in EXAMPLES])
def test_examples_of_the_page_are_read_as_it_says(read, title, text, runs):
    found = read(text, "trainer_state.json" if title == "transformers" else "job.log")
    assert [{k: v for k, v in run.items() if k not in ("source", "note")} for run in found] == [
        {"model": run["model"]} | run if "model" in run else run for run in json.loads(runs)
    ]
    assert all(set(run) <= set(KEYS) and run["note"] and run["source"] for run in found)


def test_a_job_that_was_restarted_gives_several_runs(read):
    first = "".join(iteration(n, 900 if n == 1 else 500) for n in range(1, 12))
    again = "".join(iteration(n, 400) for n in range(8, 20))
    sizes = "using world size: {n}, data-parallel size: {n}, tensor-model-parallel size: 1\n"
    runs = read(sizes.format(n=4) + first + again + sizes.format(n=8) + iteration(20, 300))
    assert [(x["world_size"], x["step_time_s"]) for x in runs] == [(4, 0.5), (4, 0.4), (8, 0.3)]
    assert "warm-up may be in it" in runs[2]["note"]


def test_the_first_tenth_is_left_out_and_the_note_says_so(read):
    (run,) = read("".join(iteration(n, 5000 if n <= 4 else 500) for n in range(1, 41)))
    assert run["step_time_s"] == 0.5
    assert "median of the last 36 of 40 lines, from iteration 5 to 40" in run["note"]


def test_steps_that_vary_are_said(read):
    (run,) = read("".join(iteration(n, 500 + 300 * (n % 2)) for n in range(1, 41)))
    assert "the middle half of them is between 0.5 and 0.8" in run["note"]


def test_a_growing_global_batch_is_read_at_its_last_size(read):
    lines = [iteration(n, 100, 16) for n in (1, 2, 3)] + [iteration(n, 200, 32) for n in (4, 5)]
    (run,) = read("".join(lines))
    assert (run["global_batch_size"], run["samples_per_s"]) == (32, 160.0)
    assert "global batch changed" in run["note"]


def test_tensor_parallelism_has_no_batch_of_a_worker(read):
    text = "using world size: 8, data-parallel size: 2, tensor-model-parallel size: 4\n"
    (run,) = read(text + "  micro_batch_size ........ 4\n" + iteration(1, 500) + iteration(2, 500))
    assert run["world_size"] == 8
    assert not {"local_batch_size", "accumulate_steps"} & set(run)
    assert "8 workers train 2 copies" in run["note"]


def test_runs_of_one_log_tell_the_same_batches(read):
    sizes = "using world size: 8, data-parallel size: {}, tensor-model-parallel size: 1\n"
    lines = iteration(1, 500) + iteration(2, 500)
    micro = "  micro_batch_size ........ 4\n"
    runs = read(sizes.format(2) + micro + lines + sizes.format(8) + micro + lines)
    assert len(runs) == 2
    assert not any("local_batch_size" in run or "accumulate_steps" in run for run in runs)


def test_seconds_of_megatron_deepspeed(read):
    text = iteration(1, 1.5).replace("(ms)", "(s)") + iteration(2, 2.5).replace("(ms)", "(s)")
    assert read(text)[0]["step_time_s"] == 2.5


def titan(step: int, tps: str, rank: int = 0) -> str:
    return (
        f"[rank{rank}]:[titan] 2025-01-01 - root - INFO - \x1b[31mstep: {step:2}  \x1b[32mloss:  9 "
        f"\x1b[33mmemory: 10.00GiB(9%)  \x1b[34mtps: {tps}  \x1b[36mtflops: 1  \x1b[35mmfu: 2%\n"
    )


def test_colours_and_other_ranks_are_left_out(read):
    mesh = "[rank0]:[titan] - Building device mesh with parallelism: pp=1, dp_replicate=1, "
    mesh += "dp_shard=4, cp=1, tp=2, ep=4\n"
    lines = [titan(n, "1,000" if n else "9", rank) for n in range(3) for rank in (0, 1)]
    (run,) = read(mesh + "".join(lines))
    assert (run["world_size"], run["tokens_per_s"]) == (8, 8000.0)  # experts use the same workers
    assert "tp=2" in run["note"]


def test_a_rate_of_one_worker_is_no_total(read):
    (run,) = read(titan(1, "9") + titan(2, "1,000"))
    assert not {"world_size", "tokens_per_s", "samples_per_s"} & set(run)
    assert "does not tell how many" in run["note"]


def test_ranks_of_mpirun_print_one_run(read):
    head = "Model: resnet50\nBatch size:  256 global\n             64 per device\n"
    whole = "".join(f"[1,{r}]<stdout>:{x}\n" for x in head.splitlines() for r in range(4))
    totals = "".join(f"[1,{r}]<stdout>:total images/sec: {900 + r}\n" for r in range(4))
    (run,) = read(whole + totals)
    assert (run["world_size"], run["samples_per_s"]) == (4, 901.5)


def test_a_benchmark_that_was_killed_tells_its_iterations(read):
    text = "Model: vgg16\nBatch size: 8\nNumber of CPUs: 2\n"
    text += "".join(f"Iter #{n}: {40 if n else 1}.0 img/sec per CPU\n" for n in range(5))
    (run,) = read(text)
    assert (run["samples_per_s"], run["step_time_s"]) == (80.0, 0.2)
    assert "did not print its total" in run["note"]


def mllog(key: str, value: object, time_ms: int = 0, **metadata: object) -> str:
    event = {"key": key, "value": value, "time_ms": time_ms, "metadata": metadata}
    return f"0: :::MLLOG {json.dumps(event)}\n"


def test_epochs_of_mlperf_where_no_throughput_is_logged(read):
    text = mllog("number_of_ranks", 16) + mllog("train_samples", 6000)
    for epoch, seconds in ((1, 90), (2, 60), (3, 60)):
        begin = 1_700_000_000_000 + 1_000_000 * epoch
        text += mllog("epoch_start", None, begin, epoch_num=epoch)
        text += mllog("epoch_stop", None, begin + 1000 * seconds, epoch_num=epoch)
    (run,) = read(text)
    assert (run["world_size"], run["samples_per_s"]) == (16, 100.0)


def test_tokens_of_gpt3_are_no_samples(read):
    text = mllog("submission_benchmark", "gpt3") + mllog("max_sequence_length", 2048)
    (run,) = read(text + mllog("tracked_stats", {"throughput": 204800.0}))
    assert (run["tokens_per_s"], run["samples_per_s"]) == (204800.0, 100.0)


def state(**values) -> str:
    speeds = {"train_runtime": 100.0, "train_samples_per_second": 80.0}
    entry = {"step": 500, **speeds, "train_steps_per_second": 5.0, **values}
    return json.dumps({"train_batch_size": 8, "log_history": [{"loss": 1.0}, entry]})


def test_a_speed_that_its_own_steps_contradict_is_said(read):
    (sound,) = read(state(), "trainer_state.json")
    assert "stands for" not in sound["note"]
    (stopped,) = read(state(step=250), "trainer_state.json")
    assert "it stands for 500 steps in 100 s" in stopped["note"].lower()


@pytest.mark.parametrize(
    ("rate", "batch"),
    [(0.001, None), (0.012, 16), (5.0, 16)],
    ids=["0.001", "0.012", "5"],
)
def test_a_global_batch_is_told_where_rounding_leaves_one(read, rate, batch):
    text = state(train_steps_per_second=rate, train_samples_per_second=16 * rate * 1.004)
    (run,) = read(text, "trainer_state.json")
    assert run.get("global_batch_size") == batch


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"log_history": [{"loss": 1.0}]}', "Trainer writes it when training has ended"),
        ('{"log_history": {}}', "has to be a list"),
        ('{"log_history": [}', "is not JSON"),
        ('{"log_history": ' + "[" * 100_000, "is not JSON"),
        (iteration(1, 0), "no line in it tells a speed"),
        ("elapsed time per iteration (ms): nan", "no line in it tells a speed"),
        ("CurrSamplesPerSec=inf, global_step=" + "9" * 5000, "no line in it tells a speed"),
        (":::MLLOG {" + "[" * 5000, "no line in it tells a speed"),
    ],
    ids=range(8),
)
def test_logs_without_a_speed_are_explained(read, text, words):
    with pytest.raises((DataError, CorruptDataError), match=words):
        read(text)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"world_size,throughput\n1,100\n",
        b'{"world_size": [1, 2], "throughput": [1, 2]}',
        b"\x00\x01elapsed time per iteration (ms): 1",
        bytes(range(256)) * 100,
        b"\x1f\x8b\x08",
        b"x" * 3_000_000,
    ],
    ids=range(7),
)
def test_other_files_are_no_logs(read, content):
    assert read(content) is None


def test_the_mark_may_come_late_and_lines_may_be_endless(read):
    text = "x" * 2_500_000 + "\n" + "note\n" * 100 + iteration(1, 9) + iteration(2, 500)
    assert read(text)[0]["step_time_s"] == 0.5


def test_control_characters_do_not_reach_what_is_said(read):
    text = "Model: \x1b]0;bad\x07net\x1b[31m\nBatch size: 8\nTotal img/sec on 2 GPU(s): 80.0\n"
    (run,) = read(text)
    assert all(x.isprintable() for x in run.values() if isinstance(x, str))
