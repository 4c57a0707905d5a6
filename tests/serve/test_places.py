"""Results that can be served, and those that cannot."""

import pytest

from ray_bench.errors import ConfigError, StoreError
from ray_bench.serve.places import check_results, state_dir_of
from ray_bench.store import ResultsStore


def test_results_are_read_written_or_refused_with_a_remedy(results, tmp_path, monkeypatch):
    assert not check_results(str(results), read_only=True)
    assert check_results(str(tmp_path / "new"), read_only=False)
    assert (tmp_path / "new").is_dir()
    with pytest.raises(ConfigError, match="does not exist"):
        check_results(str(tmp_path / "absent"), read_only=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        check_results(str(tmp_path / "file"), read_only=False)

    def refuse(self):
        raise StoreError("No room.")

    monkeypatch.setattr(ResultsStore, "check_writable", refuse)
    with pytest.raises(StoreError, match=r"No room\. To look only, add --read-only"):
        check_results(str(results), read_only=False)


def test_results_have_one_state_folder_however_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert state_dir_of("results") == state_dir_of(str(tmp_path / "results"))
    assert state_dir_of("results") != state_dir_of("other")
    assert tmp_path in state_dir_of("../../etc").parents
