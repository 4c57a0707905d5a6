"""Tokens of the environment, of a file, and what is refused."""

import pytest

from ray_bench.errors import ConfigError
from ray_bench.serve.settings import AccessToken
from ray_bench.serve.tokens import given_tokens, new_token

LONG, OTHER = "a" * 16, "b" * 16


def written(tmp_path, text, mode=0o600):
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_gives_roles_and_names_and_the_environment_a_submitter(tmp_path):
    path = written(tmp_path, f"# who\n\nviewer {LONG} grace\n  submitter {OTHER}\n")
    assert given_tokens(path, {"RAY_BENCH_TOKEN": " " + "c" * 16 + "\n"}) == (
        AccessToken(LONG, "viewer", "grace"),
        AccessToken(OTHER, "submitter", ""),
        AccessToken("c" * 16, "submitter"),
    )
    assert given_tokens(None, {}) == ()
    assert len(new_token().secret) > 40
    assert new_token() != new_token()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no token"),
        ("viewer short", "16 characters"),
        (f"viewer {'ä' * 20}", "ASCII"),
        (f"boss {LONG}", "Line 1 .* viewer, submitter"),
        (f"{LONG}", "Line 1"),
        (f"viewer {LONG} ada lovelace", "Line 1"),
        (f"viewer {LONG}\nsubmitter {LONG}", "twice"),
    ],
)
def test_lines_that_are_none_are_refused_without_being_shown(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says) as caught:
        given_tokens(written(tmp_path, text), {})
    assert LONG not in str(caught.value)


def test_files_that_others_read_or_nobody_can_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="chmod o="):
        given_tokens(written(tmp_path, f"viewer {LONG}", 0o644), {})
    assert given_tokens(written(tmp_path, f"viewer {LONG}", 0o440), {})
    with pytest.raises(ConfigError, match="cannot be read"):
        given_tokens(tmp_path / "absent", {})
    with pytest.raises(ConfigError, match="16 characters"):
        given_tokens(None, {"RAY_BENCH_TOKEN": ""})
