"""What every flag of a run means."""

from __future__ import annotations

from collections.abc import Mapping

from ray_bench.records.words import Part

#: What every flag means. A flag is stored with the run and shown in every output.
FLAGS: Mapping[str, str] = {
    "standin_data": "trained on stand-in data: its accuracy is not that of the named data set",
    "oversubscribed": "more ranks than cores or GPUs on a host: no scaling claim can be made",
    "warmup_included": "too few steps to leave warm-up out: the throughput includes it",
    "few_blocks": "fewer than 20 timed blocks: the interval within the run is wide",
    "clock_mismatch": "timed blocks and wall clock differ by more than 2 %: the run is invalid",
    "clock_backwards": "a clock stepped backwards during the run: the run is invalid",
    "stalled": "a rank stood still for a time, its steps are no timing: the run is made again",
    "warmup_unsettled": "step times never settled: warm-up was ended by its limit",
    "gpu_throttled": "the driver slowed a GPU down during the run (heat, power or a fault)",
    "emulated": "the accelerator is emulated by sleeping: the times are not those of hardware",
    "batch_exceeds_data": "the global batch is larger than the data set: no step is that large",
    "evaluation_unbounded": "more samples were evaluated than evaluation.max_samples: the "
    "workload's `evaluate` does not take its share with eval_shard",
    "batch_differs": "batches had another number of samples than `batch_size` asks for: what the "
    "scaling holds fixed is up to the workload",
    "same_order": "epochs had the samples in the same order, though a sampler is there to shuffle: "
    "hand `set_epoch(epoch)` on to it, or give it shuffle=False",
    "sparse_gradients": "gradients are sparse: how many bytes are sent depends on the batches, so "
    "nothing is predicted from them",
    "resumed": "the run went on from a checkpoint after its workers were lost: its time and energy "
    "from the launch on are those of the last attempt",
    "taken_over": "the run is that of an earlier sweep, which this one extends: it was measured at "
    "another time than the rest",
    "steps_cut": "the run was ended by `steps` before the last epoch was complete",
    "placement_differs": "the workers were on other nodes than the placement that was asked for "
    "gives: the run is invalid, and is made again",
    # Of somebody else's script.
    "samples_unknown": "no data loader told how many samples a step has: the run is left out of "
    "every curve; say it in the script, ray_bench.step(num_samples=...)",
    "ranks_apart": "nothing keeps the ranks' parameters equal: each rank trains by itself, or has "
    "a part of the model, and the run is left out of every curve",
    "died_at_exit": "a signal ended a rank when its script was over, as PyTorch at times does "
    "where a process group is left: what was measured is whole; call torch.distributed."
    "destroy_process_group() at the end",
    "unequal_steps": "the ranks did not time equally many steps: what all of them timed counts",
    "steps_skipped": "a scaler of gradients left out some updates: these steps count as others do",
    "unequal_batches": "the ranks' batches are not equally large: the batch per worker is a mean",
    # One for every extra (`extra_flag`): the timed training counts all the same.
    "evaluation_failed": "an evaluation failed: the validation loss and accuracy of its epoch are "
    "unknown; `ray-bench report --failures` shows why",
    "instruments_failed": "peak memory, energy or GPU utilisation could not be read, and is "
    "unknown; `ray-bench report --failures` shows why",
    "noise_failed": "the noise pass failed, and the noise of the gradient is unknown; "
    "measure.noise_steps=0 leaves it out",
    "phases_failed": "the phase pass failed, and the phases of a step are unknown; "
    "measure.phase_steps=0 leaves it out",
    "sync_pairs_failed": "the steps with and without gradient synchronisation failed, and what it "
    "costs is unknown; measure.sync_pairs=0 leaves them out",
    "checkpoint_failed": "no checkpoint could be saved, and its time is unknown; "
    "measure.checkpoint=false leaves it out",
    "flops_failed": "the operations of a sample could not be counted, and the use of the device is "
    "unknown; `ray-bench report --failures` shows why",
    "trace_failed": "the trace failed, and there is none; measure.trace_steps=0 leaves it out",
    "passes_failed": "the workers were lost after the timed training, and what follows it is "
    "unknown; measure.phase_steps=0, noise_steps=0 and sync_pairs=0 leave it out",
}


def extra_flag(part: Part) -> str:
    """Return the flag of a run of which an extra has failed."""
    return f"{part}_failed"
