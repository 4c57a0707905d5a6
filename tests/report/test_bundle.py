"""The script of the charts is kept where there is a home, and made where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import vl_convert

from ray_bench.report.html.bundle import vega_bundle


@pytest.fixture
def made(monkeypatch):
    """How often the script was made."""
    calls: list[str] = []

    def bundle(snippet: str) -> str:
        calls.append(snippet)
        return "the script"

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundle)
    return calls


def test_the_script_is_made_once(made, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [vega_bundle(), vega_bundle()] == ["the script"] * 2
    assert len(made) == 1


def test_a_user_without_a_home_has_a_script_too(made, monkeypatch):
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    assert [vega_bundle(), vega_bundle()] == ["the script"] * 2
    assert len(made) == 2
