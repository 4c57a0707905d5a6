"""The event file of a run, read back."""

import subprocess
import sys

import pytest

from ray_bench.trackers.entry import Entries
from ray_bench.trackers.tensorboard import TensorBoard
from tests.samples import make_data
from tests.trackers.events import parameters, read_events, scalars


def test_the_event_file_says_what_the_record_says(store):
    data = make_data(
        setup_s=4.0, peak_memory_bytes=123_456_789, run_id="a/../b", flags=("emulated",)
    )
    entry = Entries().of(data)
    tracker = TensorBoard(store.write_events, root=store.root)
    tracker.log(entry)
    tracker.log(entry)
    (path,) = store.local_folder.rglob("events.out.tfevents*")
    assert path.is_relative_to(store.local_folder / "tensorboard" / data.run.sweep_id)
    events = read_events(path)
    found = scalars(events)
    # Event files keep single precision.
    assert found["run/throughput_samples_per_s", 2] == pytest.approx(1234.4, rel=1e-7)
    assert found["run/peak_memory_bytes", 2] == pytest.approx(123_456_789, rel=1e-7)
    for epoch in data.epochs:
        assert found["epoch/train_loss", epoch.epoch] == epoch.train_loss
        assert found["epoch/train_accuracy_frac", epoch.epoch] == epoch.train_accuracy_frac
    assert ("epoch/val_accuracy_frac", 1) not in found
    assert found["epoch/val_accuracy_frac", 2] == pytest.approx(0.6, rel=1e-7)
    assert len(found) == len(entry.metrics) + sum(len(epoch.metrics) for epoch in entry.epochs)
    assert events[-1].wall_time == pytest.approx(entry.ended_at_utc.timestamp())
    assert parameters(events) == {
        name: value if isinstance(value, str | bool) else float(value)
        for name, value in entry.parameters.items()
    }


def test_an_event_file_is_written_without_torch_which_can_be_imported_after():
    code = (
        "import sys\n"
        "from ray_bench.trackers.entry import Entries\n"
        "from ray_bench.trackers.tensorboard import event_file\n"
        "from tests.samples import make_data\n"
        "event_file(Entries().of(make_data()))\n"
        "print('torch' in sys.modules)\n"
        "import torch\n"
        "print(torch.ones(1).item())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n1.0\n", done.stderr
