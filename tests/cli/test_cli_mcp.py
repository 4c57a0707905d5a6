"""`ray-bench mcp`: what is refused before an agent is answered."""


def test_a_folder_that_is_not_there_is_refused(ray_bench, tmp_path):
    ended = ray_bench("mcp", str(tmp_path / "nope"))
    assert ended.code == 2
    assert "does not exist; give one that has results" in ended.err
