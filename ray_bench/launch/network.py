"""The all-reduce sweep on a cluster, by itself or before a sweep of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ray_bench.config.schema import SweepConfig
from ray_bench.errors import ClusterCapacityError, LaunchError
from ray_bench.launch.cluster import Capacity, check_places, choose_gpu, connected
from ray_bench.launch.failures import describe
from ray_bench.launch.interrupt import ending_gently
from ray_bench.launch.listener import SweepListener
from ray_bench.launch.scratch import scratch_folder
from ray_bench.launch.tuned import settled
from ray_bench.records import NetworkRecord

#: World sizes that are measured where nobody has chosen, as far as the cluster goes.
_DEFAULT_SIZES = (2, 4, 8)
_LEAVE_OUT = "(measure.network=false leaves it out; `ray-bench network` measures it by itself.)"


def run_network(
    config: SweepConfig,
    world_sizes: Sequence[int] | None,
    *,
    network_id: str,
    address: str | None,
    note: Callable[[str], None],
) -> list[NetworkRecord]:
    """Measure all-reduce on the cluster at `address`, or on a local one that ends with it.

    Args:
        config: Where and how the workers run; its workload and world sizes are not looked at.
        world_sizes: Numbers of ranks; None takes 2, 4 and 8 as far as the cluster goes.
        network_id: For the records.
        address: A Ray cluster; None for RAY_ADDRESS, or else a local one.
        note: Told what the user should know.

    Raises:
        LaunchError: If the cluster cannot be reached, or a rank fails.
        ClusterCapacityError: If it can never give the largest world size its workers.
        KeyboardInterrupt: On Ctrl-C or SIGTERM.
    """
    from ray_bench.launch.network_worker import measure_network  # torch

    config = settled(config, note)
    with (
        ending_gently(lambda: None) as listen,
        scratch_folder() as scratch,
        connected(address, tuned=config.launch.tuned) as have,
    ):
        listen()  # Ray has put its own handlers in place
        sizes = tuple(world_sizes) if world_sizes else default_sizes(config, have)
        config = config.model_copy(update={"world_sizes": sizes})
        use_gpu = choose_gpu(config, have)
        check_places(config, have, use_gpu=use_gpu)
        return measure_network(
            config,
            sizes,
            network_id=network_id,
            use_gpu=use_gpu,
            scratch_dir=scratch,
        )


def default_sizes(config: SweepConfig, have: Capacity) -> tuple[int, ...]:
    """Return 2, 4 and 8 as far as the cluster has devices for them."""
    use_gpu = config.use_gpu if config.use_gpu is not None else have.gpus >= min(_DEFAULT_SIZES)
    workers = min(have.cpus / config.cpus_per_worker, have.gpus if use_gpu else have.cpus)
    sizes = tuple(size for size in _DEFAULT_SIZES if size <= workers)
    if not sizes:
        raise ClusterCapacityError(
            f"An all-reduce needs 2 workers and the cluster has room for {int(workers)}; "
            "join a larger one with --address, or take cpus_per_worker=0.5."
        )
    return sizes


def measure_first(
    config: SweepConfig,
    sweep_id: str,
    *,
    use_gpu: bool,
    scratch_dir: str,
    listener: SweepListener,
) -> None:
    """Measure all-reduce before a sweep that asks for it; whatever fails does not end the sweep."""
    if not config.measure.network:
        return
    try:
        from ray_bench.launch.network_worker import measure_network  # torch, where it is asked for

        records = measure_network(
            config,
            config.world_sizes,
            network_id=sweep_id,
            use_gpu=use_gpu,
            scratch_dir=scratch_dir,
        )
    except LaunchError as err:
        listener.network_failed(f"{err} {_LEAVE_OUT}")
        return
    except Exception as err:  # noqa: BLE001  # Ray raises anything
        failure = describe(err)
        listener.network_failed(f"{failure.type}: {failure.message} {_LEAVE_OUT}")
        return
    if records:
        listener.network_measured(records)
    else:
        listener.network_failed("An all-reduce needs a world size of 2 or more.")
