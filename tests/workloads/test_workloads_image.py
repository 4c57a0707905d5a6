from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from ray_bench.config.groups import DataConfig
from ray_bench.workloads import catalog
from ray_bench.workloads.base import BuildContext, ShardedBatches, eval_shard
from ray_bench.workloads.transforms import Preparation, cut_out, random_crop_flip


def make_context(rank: int = 0, world_size: int = 1, batch: int = 12, **changes) -> BuildContext:
    values = {
        "rank": rank,
        "world_size": world_size,
        "local_batch_size": batch // world_size,
        "global_batch_size": batch,
        "seed": 0,
        "device": torch.device("cpu"),
        "data": DataConfig(standin=True),
    }
    return BuildContext(**{**values, **changes})


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny batches: more threads only wait for each other
    yield
    torch.set_num_threads(num_threads)


def sharded(rank: int, world_size: int, num: int = 50, seed: int = 0) -> ShardedBatches:
    """Batches whose inputs are sample numbers, and whose transform returns number and seed."""

    def transform(inputs, sample_seeds):
        return torch.stack([inputs, sample_seeds], dim=1)

    numbers = torch.arange(num)
    context = make_context(rank, world_size, seed=seed)
    return ShardedBatches(numbers, numbers, context, transform=transform)


def global_batches(world_size: int, epoch: int = 0, **changes) -> list[torch.Tensor]:
    """All ranks' shares of each global batch, interleaved as one process has them."""
    ranks = [sharded(rank, world_size, **changes) for rank in range(world_size)]
    for batches in ranks:
        batches.set_epoch(epoch)
    result = []
    for shares in zip(*ranks, strict=True):
        inputs = torch.empty(sum(len(x) for x, _ in shares), 2, dtype=torch.int64)
        for rank, (share, targets) in enumerate(shares):
            assert torch.equal(share[:, 0], targets)
            inputs[rank::world_size] = share
        result.append(inputs)
    return result


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_global_batches_do_not_depend_on_the_world_size(world_size):
    expected = [inputs for inputs, _ in sharded(0, 1)]
    batches = global_batches(world_size)
    assert len(batches) == len(sharded(0, world_size)) == 5
    for batch, other in zip(batches, expected, strict=True):
        assert torch.equal(batch, other)


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_shares_are_disjoint_and_complete_with_a_ragged_end(world_size):
    batches = global_batches(world_size)
    assert [len(batch) for batch in batches] == sharded(0, 1).global_sizes() == [12] * 4 + [2]
    assert sorted(torch.cat(batches)[:, 0].tolist()) == list(range(50))


def test_rank_without_samples_gets_an_empty_pair():
    *_, (inputs, targets) = sharded(3, 4)
    assert len(inputs) == len(targets) == 0


def test_order_follows_seed_and_epoch():
    first = torch.cat(global_batches(1))
    assert torch.equal(first, torch.cat(global_batches(2)))
    assert not torch.equal(first, torch.cat(global_batches(1, epoch=1)))
    assert not torch.equal(first, torch.cat(global_batches(1, seed=1)))


# --- preparation


def test_crop_and_flip_equal_the_plain_loop():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (300, 32, 32, 3), generator=generator).byte()
    seeds = torch.randint(2**62, (300,), generator=generator)
    padded = functional.pad(images, (0, 0, 4, 4, 4, 4))
    for image, seed, source in zip(random_crop_flip(images, seeds), seeds, padded, strict=True):
        down, right, flip = int(seed % 9), int(seed // 9 % 9), int(seed // 81 % 2)
        expected = source[down : down + 32, right : right + 32]
        assert torch.equal(image, expected.flip(1) if flip else expected)


def test_every_shift_and_both_flips_happen_equally_often():
    seeds = torch.randint(2**62, (40_000,), generator=torch.Generator().manual_seed(1))
    image = torch.zeros(1, 9, 9, 1, dtype=torch.uint8)
    image[0, 4, 4] = 1
    image[0, 4, 3] = 2  # beside it, so that a flip shows
    images = random_crop_flip(image.expand(len(seeds), -1, -1, -1), seeds)[..., 0]
    counts = (images == 1).sum(0).float()
    assert counts.sum() == len(seeds)  # the centre never leaves the image
    expected = len(seeds) / 81
    assert ((counts - expected).abs() < 6 * expected**0.5).all()
    is_flipped = ((images[:, :, :-1] == 1) & (images[:, :, 1:] == 2)).any((1, 2))
    assert abs(is_flipped.float().mean() - 4.5 / 9) < 0.08


def test_preparation_normalises_and_keeps_channels_last():
    images = torch.arange(2 * 4 * 4 * 3).reshape(2, 4, 4, 3).byte()
    prepare = Preparation(
        mean=torch.tensor([25.5, 51.0, 76.5]),
        std=torch.tensor([127.5, 63.75, 255.0]),
        is_augmented=False,
        memory_format=torch.channels_last,
    )
    result = prepare(images, torch.zeros(2, dtype=torch.int64))
    expected = images.permute(0, 3, 1, 2).float() / 255 - torch.tensor([0.1, 0.2, 0.3]).view(
        3, 1, 1
    )
    torch.testing.assert_close(result, expected / torch.tensor([0.5, 0.25, 1.0]).view(3, 1, 1))
    assert result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["resnet18-cifar10", "cnn-digits"])
def test_prepared_batches_do_not_depend_on_the_world_size(name):
    workload = catalog.load(name)
    workload = replace(workload, make_module=lambda: torch.nn.Linear(1, 1))
    whole, labels = next(iter(workload.build(make_context())[1]))
    for world_size in (2, 3):
        for rank in range(world_size):
            share, targets = next(iter(workload.build(make_context(rank, world_size))[1]))
            assert torch.equal(share, whole[rank::world_size])
            assert torch.equal(targets, labels[rank::world_size])


def test_prepared_empty_share_has_the_right_shape():
    workload = replace(catalog.load("resnet18-cifar10"), make_module=lambda: torch.nn.Linear(1, 1))
    context = make_context(6, 7, batch=7999)
    *_, (inputs, targets) = workload.build(context)[1]
    assert inputs.shape == (0, 3, 32, 32)
    assert targets.shape == (0,)


# --- build and evaluate


def test_build_says_what_it_trains_on():
    _, batches, _ = catalog.load("cnn-mnist").build(make_context())
    assert batches.dataset == "Fashion-MNIST subset (8,000 + 2,000) (stand-in for MNIST)"
    assert batches.is_standin
    assert batches.num_samples == 8000
    _, batches, _ = catalog.load("cnn-digits").build(make_context())
    assert (batches.dataset, batches.is_standin) == ("digits 8x8", False)


def test_weights_follow_the_seed_and_leave_the_generator_alone():
    workload = catalog.load("cnn-digits")
    state = torch.get_rng_state()
    first, again, other = (workload.build(make_context(seed=seed))[0] for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_convolutions_are_channels_last():
    context = make_context(memory_format=torch.channels_last)
    module, batches, _ = catalog.load("cnn-fashion-mnist").build(context)
    assert module[3].weight.is_contiguous(memory_format=torch.channels_last)
    inputs, _ = next(iter(batches))
    assert inputs.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["cnn-digits", "mlp-mnist"])
@pytest.mark.parametrize("world_size", [2, 3])
def test_evaluation_of_all_shares_equals_that_of_one_process(name, world_size):
    workload = catalog.load(name)
    module, _, _ = workload.build(make_context())
    whole = workload.evaluate(module, make_context())
    shares = [workload.evaluate(module, make_context(r, world_size)) for r in range(world_size)]
    assert sum(share.num_samples for share in shares) == whole.num_samples
    assert sum(share.num_correct for share in shares) == whole.num_correct
    assert sum(share.loss_sum for share in shares) == pytest.approx(whole.loss_sum, rel=1e-6)


def test_evaluation_counts_as_a_plain_loop_does():
    workload = catalog.load("cnn-digits")
    module, _, loss_fn = workload.build(make_context())
    result = workload.evaluate(module, make_context())
    from ray_bench.workloads.datasets import load, locate

    images = load(locate("digits", DataConfig()))
    pixels = torch.from_numpy(images.val.images).permute(0, 3, 1, 2) / 255
    targets = torch.from_numpy(images.val.labels)
    with torch.inference_mode():
        outputs = module((pixels - images.mean[0]) / images.std[0])
    assert result.num_samples == 297
    assert result.num_correct == int((outputs.argmax(1) == targets).sum())
    assert result.loss_sum == pytest.approx(297 * float(loss_fn(outputs, targets)), rel=1e-5)


@pytest.mark.parametrize("is_training", [True, False])
def test_evaluation_restores_the_mode(is_training):
    workload = catalog.load("cnn-digits")
    module, _, _ = workload.build(make_context())
    module.train(is_training)
    workload.evaluate(module, make_context())
    assert module.training is is_training
    with pytest.raises(RuntimeError, match="shape"):
        workload.evaluate(module.append(torch.nn.Linear(3, 3)), make_context())
    assert module.training is is_training


def test_evaluation_works_under_autocast():
    workload = catalog.load("cnn-digits")
    module, _, _ = workload.build(make_context())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = workload.evaluate(module, make_context())
    assert result.num_samples == 297
    assert result.loss_sum == pytest.approx(297 * 2.3, rel=0.05)


def test_share_of_more_ranks_than_samples_is_empty():
    context = make_context(400, 401)
    assert eval_shard(297, context) == slice(400, 297, 401)
    workload = catalog.load("cnn-digits")
    module, _, _ = workload.build(make_context())
    result = workload.evaluate(module, context)
    assert (result.num_samples, result.num_correct, result.loss_sum) == (0, 0, 0.0)


def test_digits_are_learnt():
    workload = catalog.load("cnn-digits")
    defaults = workload.defaults
    context = make_context(batch=defaults.batch_size)
    module, batches, loss_fn = workload.build(context)
    optimizer = torch.optim.SGD(
        module.parameters(),
        lr=defaults.lr,
        momentum=defaults.momentum,
        weight_decay=defaults.weight_decay,
    )
    for epoch in range(defaults.epochs):
        batches.set_epoch(epoch)
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss_fn(module(inputs), targets).backward()
            optimizer.step()
    result = workload.evaluate(module, context)
    assert result.num_correct >= 0.95 * result.num_samples


@pytest.mark.gpu
def test_gpu_gives_what_the_cpu_gives():
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    workload = catalog.load("cnn-digits")
    results = []
    for name in ("cpu", "cuda"):
        context = make_context(device=torch.device(name))
        module, batches, _ = workload.build(context)
        inputs, targets = next(iter(batches))
        assert inputs.device.type == targets.device.type == name
        results.append((inputs.cpu(), workload.evaluate(module, context)))
    torch.testing.assert_close(results[0][0], results[1][0])
    assert results[0][1].loss_sum == pytest.approx(results[1][1].loss_sum, rel=1e-3)


def test_cutout_blanks_one_square_that_the_seed_alone_places():
    seeds = torch.randint(2**62, (200,), generator=torch.Generator().manual_seed(1))
    images = cut_out(torch.ones(200, 3, 32, 32), seeds, 8)
    blank = images[:, 0] == 0
    assert torch.equal(images[:, 0], images[:, 2])
    counts = blank.sum((1, 2))
    assert counts.max() == 64  # whole squares
    assert counts.min() >= 16  # at a corner a quarter is left
    for one in blank:
        rows, columns = one.any(1), one.any(0)
        assert torch.equal(one, rows[:, None] & columns[None, :])
        assert rows.sum() <= 8
    assert torch.equal(cut_out(torch.ones(50, 3, 32, 32), seeds[:50], 8), images[:50])
    centres = blank.float().mean(0)
    assert centres.min() > 0  # no place is spared


def test_cutout_is_off_unless_asked_for():
    plain, cut = (
        catalog.load("resnet18-cifar10").build(
            make_context(data=DataConfig(standin=True, cutout=n))
        )
        for n in (0, 8)
    )
    (first, _), (second, _) = next(iter(plain[1])), next(iter(cut[1]))
    differ = (first != second).any(1)
    assert 0 < differ.sum() <= 64 * len(first)
