"""Where the tokens of a service come from: its environment, a file, or made for this start."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from ray_bench.errors import ConfigError
from ray_bench.serve.settings import AccessToken, Role

VARIABLE = "RAY_BENCH_TOKEN"
MIN_LENGTH = 16
_MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def given_tokens(path: Path | None, environ: Mapping[str, str]) -> tuple[AccessToken, ...]:
    """Return the tokens of the environment and of a file; none if neither is given.

    Raises:
        ConfigError: One cannot be read, is too short, or stands there twice.
    """
    found = [] if path is None else tokens_of_file(path)
    if VARIABLE in environ:
        found.append(AccessToken(environ[VARIABLE].strip(), "submitter"))
    for token in found:
        if len(token.secret) < MIN_LENGTH or not token.secret.isascii():
            raise ConfigError(
                f"A token needs {MIN_LENGTH} characters of ASCII or more, got one of "
                f"{len(token.secret)}; make one with: {_MAKE_ONE}"
            )
    if len({x.secret for x in found}) < len(found):
        raise ConfigError("A token is given twice; every person needs one of his own.")
    return tuple(found)


def tokens_of_file(path: Path) -> list[AccessToken]:
    """Return the tokens of a file with lines of `ROLE TOKEN [NAME]`; `#` begins a comment.

    Raises:
        ConfigError: It cannot be read, others can read it, or a line is none of these.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"--token-file {path} cannot be read: {err}.") from err
    if os.name == "posix" and mode & stat.S_IRWXO:  # a secret of Kubernetes is its group's
        raise ConfigError(f"Others on this machine can read {path}; run: chmod o= {path}")
    lines = [(i, line.split()) for i, line in enumerate(text.splitlines(), start=1)]
    found = [_token(path, i, words) for i, words in lines if words and words[0][0] != "#"]
    if not found:
        raise ConfigError(f"{path} has no token; write a line such as: submitter TOKEN ada")
    return found


def _token(path: Path, line: int, words: list[str]) -> AccessToken:
    roles = get_args(Role)
    if len(words) not in (2, 3) or words[0] not in roles:
        # The line itself is not shown: it may be the token.
        raise ConfigError(
            f"Line {line} of {path} has to be ROLE TOKEN [NAME] with a role of {', '.join(roles)}; "
            "for example: viewer TOKEN grace"
        )
    role: Role = "submitter" if words[0] == "submitter" else "viewer"
    return AccessToken(words[1], role, words[2] if len(words) == 3 else "")


def new_token() -> AccessToken:
    """Return a token for this start."""
    return AccessToken(secrets.token_urlsafe(32), "submitter")
