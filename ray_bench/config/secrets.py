"""What of a command line must not be kept: values whose names say that they are secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MASK = "***"
_SECRET = re.compile(r"secret|passw|pwd|credential|api_?key|access_?key|private_?key|auth_?key")
#: A token of text, not of access.
_TEXT_TOKEN = re.compile(
    r"(^|_)(max|min|num|pad|eos|bos|unk|mask|sep|cls|special|start|end|image|per|last|first)_token$"
)
#: `https://user:password@host`.
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)")


def is_secret(name: str) -> bool:
    """Tell whether a name is that of something secret, such as `HF_TOKEN`; `max_tokens` is not."""
    bare = name.lstrip("-").replace("-", "_").lower()
    is_token = bare.endswith("token") and not _TEXT_TOKEN.search(bare)
    return is_token or _SECRET.search(bare) is not None


def masked_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return arguments as they may be kept: `--token X` and `token=X` without their X."""
    kept: list[str] = []
    is_next = False
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if is_next and not argument.startswith("--"):
            kept.append(MASK)
            is_next = False
            continue
        is_next = not sign and argument.startswith("-") and is_secret(name)
        is_hidden = bool(value) and is_secret(name)
        kept.append(f"{name}={MASK}" if is_hidden else _IN_ADDRESS.sub(MASK, argument))
    return tuple(kept)


def masked_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables as they may be kept."""
    return {
        name: MASK if is_secret(name) else _IN_ADDRESS.sub(MASK, value)
        for name, value in variables.items()
    }
