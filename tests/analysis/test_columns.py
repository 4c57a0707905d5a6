"""Long tables as rows of runs, and pairs of integers as keys."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ray_bench.analysis.columns import codes_of, pair_keys, split_by_run

PAIRS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=60)


@given(PAIRS)
def test_keys_tell_pairs_apart_and_keep_their_order(pairs):
    first, second = (np.array(x, dtype=np.int32) for x in zip(*pairs, strict=True))
    keys = pair_keys(first, second)
    found, index = np.unique(keys, return_inverse=True)
    wanted = sorted(set(pairs))
    assert len(found) == len(wanted)
    assert [wanted[i] for i in index] == pairs


@given(st.lists(st.sampled_from(["a", "b", "c", "dd"]), max_size=50))
def test_codes_count_values_in_order_of_appearance(values):
    codes, names = codes_of(iter(values))
    assert [names[code] for code in codes] == values
    assert names == list(dict.fromkeys(values))


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=50))
def test_rows_find_their_run_also_where_runs_are_mixed(ids):
    table = {"run_id": np.array(ids, dtype=object), "x": np.arange(len(ids))}
    found = split_by_run(table)
    assert list(found) == list(dict.fromkeys(ids))
    for run_id, rows in found.items():
        assert rows["x"].tolist() == [i for i, one in enumerate(ids) if one == run_id]
