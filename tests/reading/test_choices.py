"""Files that may be read in two ways: what is asked, and what the options do."""

import pytest

from ray_bench.errors import AnalysisError, ConfigError
from ray_bench.reading.choices import Choices


def rates(curve):
    return {n: x[0] for n, x in curve.values.items()}


def named(reading):
    return {x.name: rates(x) for x in reading.curves}


def asked(read, text, *words, **choices):
    with pytest.raises((AnalysisError, ConfigError)) as caught:
        read(text, **choices)
    for word in words:
        assert word in str(caught.value)


def test_whose_a_rate_is(read):
    text = "GPUs,throughput\n8,4100\n16,4000\n64,3700\n"
    asked(read, text, "--per worker", "--per total")
    assert rates(read(text, per="worker").curves[0]) == {8: 32800, 16: 64000, 64: 236800}
    assert rates(read(text, per="total").curves[0])[64] == 3700


def test_rates_of_a_worker_need_workers(read):
    text = "nodes,img/s/gpu\n1,100\n2,99\n"
    asked(read, text, "--workers-per-node")
    found = read(text, workers_per_node=8).curves[0]
    assert (rates(found), found.workers_per_node) == ({8: 800, 16: 1584}, 8)


def test_gpus_beside_nodes(read):
    each = read("nodes,gpus,img/s\n1,8,41\n2,8,80\n4,8,150\n").curves[0]
    total = read("nodes,gpus,img/s\n1,8,41\n2,16,80\n4,32,150\n").curves[0]
    assert rates(each) == rates(total) == {8: 41, 16: 80, 32: 150}
    assert each.workers_per_node == total.workers_per_node == 8
    text = "nodes,gpus,img/s\n1,4,41\n2,12,80\n4,8,150\n"
    asked(read, text, "--column world_size=gpus", "--column workers_per_node=gpus")
    assert list(read(text, columns={"world_size": "gpus"}).curves[0].values) == [4, 8, 12]


def test_two_columns_of_workers(read):
    same = "gpus,ranks,img/s\n1,1,10\n2,2,19\n"
    assert list(read(same).curves[0].values) == [1, 2]
    asked(read, "gpus,ranks,img/s\n1,2,10\n2,4,19\n", "--column world_size=gpus", "=ranks")


def test_two_things_that_were_measured(read):
    asked(
        read,
        "gpus,images/s,tokens/s\n1,100,1000\n2,190,1700\n",
        "--column throughput=images/s or --column throughput=tokens/s",
    )
    text = "gpus,images/s,images/s/gpu\n1,100,100\n2,190,95\n"
    assert rates(read(text).curves[0]) == {1: 100, 2: 190}
    text = "gpus,img/s mean,img/s std,img/s min\n1,100,1,99\n2,190,2,180\n"
    assert rates(read(text).curves[0]) == {1: 100, 2: 190}


def test_a_time_of_what(read):
    text = "gpus,my time\n1,100\n2,60\n"
    asked(read, text, "'step_time_s=my time'", "'epoch_time_s=my time'", "'total_time_s=my time'")
    assert read(text, columns={"epoch_time_min": "my time"}).curves[0].unit == "epochs/h"
    asked(read, "gpus,step time\n1,100\n2,60\n", "'step_time_ms=step time'")
    asked(read, "gpus,runtime\n1,100\n2,60\n", "--scaling strong", "--scaling weak")
    strong = read("gpus,runtime\n1,100\n2,60\n", scaling="strong").curves[0]
    weak = read("gpus,runtime\n1,100\n2,110\n", scaling="weak").curves[0]
    assert rates(strong)[2] / rates(strong)[1] == pytest.approx(100 / 60)
    assert rates(weak)[2] / rates(weak)[1] == pytest.approx(2 * 100 / 110)


@pytest.mark.parametrize(
    ("batches", "local"),
    [((32, 64, 128), [32, 32, 32]), ((64, 32, 16), [64, 32, 16]), ((32, 32, 32), None)],
)
def test_a_batch_that_is_not_said_whose(read, batches, local):
    rows = zip((1, 2, 4), (100, 110, 130), batches, strict=True)
    text = "gpus,ms/step,batch size\n" + "".join(f"{n},{t},{b}\n" for n, t, b in rows)
    if local is None:
        asked(read, text, "'local_batch_size=batch size'", "'global_batch_size=batch size'")
        found = read(text, columns={"global_batch_size": "batch size"}).curves[0]
        assert found.local_batch_size == {1: 32, 2: 16, 4: 8}
    else:
        assert list(read(text).curves[0].local_batch_size.values()) == local


def test_thousands_or_decimals(read):
    text = 'GPUs,img/s\n1,"1,203"\n2,"2,310"\n'
    asked(read, text, "'1,203' is 1.203 or 1203", "--decimal comma", "--decimal point")
    assert rates(read(text, decimal="point").curves[0])[1] == 1203
    assert rates(read(text, decimal="comma").curves[0])[1] == 1.203
    only_thousands = 'GPUs,img/s\n1,512\n2,"1,003"\n4,"1,911"\n'
    assert rates(read(only_thousands).curves[0])[4] == 1911
    asked(read, "GPUs;img/s\n1;1.5\n2;2,5\n", "decimal point", "decimal comma", "write both alike")


GRID = "framework,precision,gpus,img/s,loss\n" + "".join(
    f"{f},{p},{n},{a * b * n * 0.9**n},{n}.25\n"
    for f, a in (("ddp", 100), ("fsdp", 90))
    for p, b in (("amp", 2), ("fp32", 1))
    for n in (1, 2)
)


def test_settings_make_curves(read):
    assert list(named(read(GRID))) == [
        "framework=ddp, precision=amp",
        "framework=ddp, precision=fp32",
        "framework=fsdp, precision=amp",
        "framework=fsdp, precision=fp32",
    ]
    assert list(named(read(GRID, where={"precision": ["amp"]}))) == ["ddp", "fsdp"]
    one = read(GRID, where={"Precision": ["AMP"], "framework": ["ddp"]})
    assert list(named(one)) == [""]
    asked(read, GRID, "no row has bf16", "amp, fp32", where={"precision": ["bf16"]})
    asked(read, GRID, "no column 'prec'", where={"prec": ["amp"]})


def test_columns_that_are_left_aside_make_repeats(read):
    found = read(GRID, ignore=["framework"], where={"precision": ["amp"]})
    assert [len(x) for x in found.curves[0].values.values()] == [2, 2]


def test_what_only_names_or_measures_a_run_is_no_setting(read):
    text = (
        "tag,run_id,seed,timestamp,lr,world_size,throughput,loss\n"
        "r50_1gpu,a,1,2024-01-01T00:00,0.1,1,100,2.1\n"
        "r50_2gpu,b,2,2024-01-01T01:00,0.2,2,190,2.2\n"
        "r50_2gpu,c,3,2024-01-01T02:00,0.2,2,191,2.3\n"
    )
    (curve,) = read(text).curves
    assert [len(x) for x in curve.values.values()] == [1, 2]


def test_a_number_that_may_be_set_or_measured_is_asked_for(read):
    text = "gpus,img/s,beta\n1,100,0.113\n2,190,0.127\n4,350,0.141\n"
    asked(read, text, "whether 'beta'", "--ignore beta", "--by beta")
    assert len(read(text, ignore=["beta"]).curves) == 1


def test_batches_and_placement_make_curves_where_a_world_size_has_several(read):
    text = "gpus,batch_per_gpu,img/s\n" + "".join(
        f"{n},{b},{n * b}\n" for b in (32, 64) for n in (1, 2, 4)
    )
    assert list(named(read(text))) == ["batch_per_gpu=32", "batch_per_gpu=64"]
    nodes = "gpus,nodes,img/s\n2,1,20\n4,1,39\n2,2,15\n4,2,28\n"
    assert list(named(read(nodes, columns={"world_size": "gpus"}))) == ["nodes=1", "nodes=2"]


def test_scaling_modes_are_curves_each_with_its_mode(read):
    text = "scaling,gpus,batch_per_gpu,img/s\n" + "".join(
        f"{mode},{n},{64 if mode == 'weak' else 64 // n},{x}\n"
        for mode, xs in (("weak", (100, 190, 360)), ("strong", (100, 170, 250)))
        for n, x in zip((1, 2, 4), xs, strict=True)
    )
    found = read(text)
    assert {x.name: x.scaling for x in found.curves} == {"weak": "weak", "strong": "strong"}


def test_a_data_loader_has_workers_too(read):
    text = "world_size,num_workers,img/s\n1,4,10\n2,4,19\n1,8,11\n2,8,21\n"
    assert list(named(read(text))) == ["num_workers=4", "num_workers=8"]
    assert rates(read("num_workers,img/s\n1,10\n2,19\n").curves[0]) == {1: 10, 2: 19}


def test_rows_of_ranks_are_no_runs(read):
    asked(read, "world_size,rank,img/s\n1,0,9\n2,0,8\n2,1,8\n", "a row for every rank")


def test_a_curve_of_one_world_size_beside_others_is_said(read):
    found = read("method,gpus,img/s\na,1,10\na,2,19\nb,2,18\n")
    assert list(named(found)) == ["a"]
    assert any("one world size alone: b" in x for x in found.said)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"columns": {"size": "gpus"}}, "there is no 'size'; there are world_size"),
        ({"columns": {"world_size": "cards"}}, "no column 'cards'; its columns are: gpus, img/s"),
        ({"by": ["method"]}, "--by: curve.csv has no column 'method'"),
        ({"rows": ["a"]}, "no column for every world size"),
    ],
)
def test_options_that_do_not_fit(read, choices, words):
    asked(read, "gpus,img/s\n1,1\n2,2\n", words, **choices)


@pytest.mark.parametrize("options", [("--column", "x"), ("--where", "=1"), ("--column", "a=")])
def test_options_of_another_form(fit, options):
    code, err = fit("gpus,img/s\n1,1\n2,2\n", *options)
    assert (code, "has the form" in err) == (2, True)


def test_repeats_say_in_what_they_differ(read, file):
    from ray_bench.reading.curves import read_curves

    found = read("gpus,img/s,seed,loss\n1,100,1,2\n1,101,2,2\n2,190,1,2\n", scaling="weak")
    assert found.said[-1] == "repeats: rows of one world size that differ in seed alone"
    paths = [file(f"gpus,img/s\n1,10\n2,{x}\n", f"{x}.csv") for x in (18, 19)]
    assert "--by file makes curves of them" in read_curves(paths).said[-1]


def test_a_column_scaling_may_be_a_speedup(read):
    text = "Model,#GPUs,Precision,img/s,Scaling\n" + "".join(
        f'r50,{n},{p},"{x}",{s}x\n'
        for p, n, x, s in (
            ("FP16", 1, "1,450", 1.0),
            ("FP16", 8, "11,200", 7.7),
            ("FP32", 1, "380", 1.0),
            ("FP32", 8, "2,950", 7.8),
        )
    )
    assert named(read(text)) == {"FP16": {1: 1450, 8: 11200}, "FP32": {1: 380, 8: 2950}}
    (curve,) = read("GPUs,Scaling\n1,1.0x\n8,7.7x\n").curves
    assert curve.is_relative


def test_a_table_without_a_header_is_asked_for_one(read):
    asked(read, "8,100\n16,190\n", "has no header", "world_size,throughput")


@pytest.mark.parametrize(
    "text",
    [
        "#GPUs  img/sec\n1      204.3\n2      401.1\n",
        "GPUs,img/s\n1,204.3\nGPUs,img/s\n2,401.1\n",
        'GPUs, img/s\n1, "204.3"\n2, "401.1"\n',
        "p,T(p) [s],S(p),E(p)\n1,100,204.3,1\n2,52,401.1,.96\n",
        "when,GPUs,img/s\n2024-01-01 10:00:01,1,204.3\n2024-01-01T10:10:01,2,401.1\n",
    ],
)
def test_other_habits(read, text):
    assert rates(read(text).curves[0]) == {1: 204.3, 2: 401.1}


def test_a_batch_of_a_worker_needs_workers(read):
    text = "nodes,batch_per_gpu,ms/step\n1,8,100\n2,8,110\n"
    asked(read, text, "--workers-per-node")
    (curve,) = read(text, workers_per_node=4).curves
    assert list(curve.values) == [4, 8]


def test_a_log_is_given_its_world_size(read):
    from ray_bench.reading.sizes import world_sizes
    from ray_bench.reading.table import table_of_dicts

    table = table_of_dicts("my run.log", [{"step_time_s": 1.0, "source": "x", "note": "y"}])
    with pytest.raises(AnalysisError, match=r"'4=my run\.log' for 4, 2x8=FILE"):
        world_sizes(table, {}, Choices())


def test_columns_of_two_methods_are_asked_for_although_their_curves_are_alike(read):
    text = "GPUs,DDP (img/s),FSDP (img/s)\n1,100,90\n2,190,171\n4,370,333\n"
    asked(read, text, "'throughput=DDP (img/s)' or --column 'throughput=FSDP (img/s)'")
    assert rates(read(text, columns={"throughput": "FSDP (img/s)"}).curves[0])[4] == 333
    same = "GPUs,img/s mean,img/s median,tokens/s\n1,100,101,1000\n2,190,189,1900\n"
    assert rates(read(same).curves[0]) == {1: 100, 2: 190}


def test_a_crashed_run_beside_other_times_is_left_out(read):
    text = "State,Runtime,gpus,img/s\nfinished,100,1,100\nfinished,90,2,190\ncrashed,5,4,\n"
    found = read(text)
    assert rates(found.curves[0]) == {1: 100, 2: 190}
    assert any("left out: line 4 (img/s is blank)" in x for x in found.said)


@pytest.mark.parametrize("cell", ["5 parsecs", "5 img", "5 (old)"])
def test_a_unit_that_is_not_known_is_named(read, cell):
    asked(read, f"GPUs,epoch time (s)\n1,{cell}\n2,3\n", "line 2", "which is not known for")


def test_minutes_in_cells(read):
    values = read("GPUs,epoch time\n1,30m\n2,0.25 h\n").curves[0].values
    assert values == {1: (2.0,), 2: (4.0,)}


def test_a_rate_that_is_that_of_a_worker_by_its_batch(read):
    text = "gpus,batch_per_gpu,step_time_s,img/s\n1,32,0.1,320\n2,16,0.04,400\n"
    asked(read, text, "give --per worker")
    assert rates(read(text, per="worker").curves[0]) == {1: 320, 2: 800}
