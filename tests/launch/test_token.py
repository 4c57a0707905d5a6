"""Whether others can read the cluster's token."""

from __future__ import annotations

import pytest

from ray_bench.cli.token_notice import warn_of_readable_token
from ray_bench.launch.token import readable_by_others, token_file


@pytest.fixture
def token(tmp_path, monkeypatch):
    path = tmp_path / "the token"
    path.write_text("0" * 64)
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_token_that_lies_open_is_named_with_the_remedy(token, mode, capsys):
    token.chmod(mode)
    warn_of_readable_token()
    assert f"chmod 600 '{token}'" in capsys.readouterr().err


def test_a_private_token_needs_no_word(token, capsys):
    token.chmod(0o600)
    warn_of_readable_token()
    assert capsys.readouterr().err == ""


def test_a_token_in_a_variable_has_no_file(token, monkeypatch):
    token.chmod(0o644)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "1" * 64)
    assert token_file() is None
    assert readable_by_others() is None


def test_without_a_variable_it_is_where_ray_puts_it(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert token_file() is None
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("0")
    assert token_file() == tmp_path / ".ray" / "auth_token"
