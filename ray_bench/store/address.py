"""What a results location names: a folder of this machine, or one of an object store."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import pyarrow as pa
from pyarrow import fs

from ray_bench.errors import ConfigError

#: One try: to connect, and without a byte. Together less than `patience.TRY_S`.
_CONNECT_S, _SILENCE_S = 5, 20
_S3_OPTIONS = ("endpoint_override", "scheme", "region")
_GS_OPTIONS = ("endpoint_override", "scheme", "project_id", "retry_limit_seconds")
#: Since then a small object is one request instead of three.
_DELAYED_OPEN_SINCE = 20


@dataclass(frozen=True, slots=True)
class Address:
    """Where results are.

    Attributes:
        root: as it was given, without a password.
        folder: within the file system.
        connect: makes the client of an object store; None for a folder of this machine.
    """

    root: str
    folder: str
    connect: Callable[[], fs.FileSystem] | None = None


def address_of(root: str) -> Address:
    """Return what a path or a URI names; asks no network.

    Raises:
        ConfigError: If it is empty, or a URI that cannot be.
        ArrowException | OSError: If no file system has this scheme.
    """
    if not root.strip():
        raise ConfigError("The results location is empty; give a folder, s3://... or gs://...")
    scheme, _, rest = root.partition(":/")
    if scheme in ("s3", "gs", "file") and not rest.startswith("/"):
        raise ConfigError(f"The results location {root!r} lacks a slash; write {scheme}://...")
    if "://" not in root:
        return Address(root, str(Path(root).expanduser().absolute()))
    parts = _split(root)
    if parts.scheme == "file":
        return Address(root, unquote(parts.path).rstrip("/"))
    if parts.scheme == "s3":
        return _s3(parts)
    if parts.scheme == "gs":
        return _gs(parts)
    filesystem, base = fs.FileSystem.from_uri(root)
    return Address(root, base.rstrip("/"), lambda: filesystem)


def _split(root: str) -> SplitResult:
    try:
        parts = urlsplit(root)
        _ = parts.port  # a number, or it raises
    except ValueError as err:
        raise ConfigError(f"The results location {root!r} cannot be read: {err}.") from None
    if parts.scheme in ("s3", "gs") and not parts.hostname:
        raise ConfigError(
            f"The results location {root!r} names no bucket; write {parts.scheme}://BUCKET/FOLDER."
        )
    return parts


def _s3(parts: SplitResult) -> Address:
    options = _options(parts, _S3_OPTIONS)
    bucket = _bucket(parts)
    scheme, endpoint = _endpoint(options)
    region = options.get("region") or _region_of_environment()
    known = {"scheme": scheme, "endpoint_override": endpoint}
    if parts.username:
        known |= {
            "access_key": unquote(parts.username),
            "secret_key": unquote(parts.password or ""),
        }

    def connect() -> fs.FileSystem:
        place = region or ("us-east-1" if endpoint else fs.resolve_s3_region(bucket))
        return fs.S3FileSystem(
            **{name: value for name, value in known.items() if value is not None},
            region=place,
            connect_timeout=_CONNECT_S,
            request_timeout=_SILENCE_S,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
            **_delayed_open(),
        )

    return Address(_shown(parts), _folder(parts), connect)


def _options(parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query))
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ConfigError(
            f"The results location has an option {unknown[0]!r}; {parts.scheme}:// takes "
            f"{', '.join(known)}."
        )
    return options


def _delayed_open() -> dict[str, bool]:
    major = int(pa.__version__.partition(".")[0])
    return {"allow_delayed_open": True} if major >= _DELAYED_OPEN_SINCE else {}


def _endpoint(options: dict[str, str]) -> tuple[str | None, str | None]:
    """Return scheme and host of the service: of the URI, else of the environment."""
    environ = os.environ
    url = (
        options.get("endpoint_override")
        or environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL")
    )
    if not url:
        return options.get("scheme"), None
    scheme, found, host = url.partition("://")
    if not found:
        scheme, host = "https", url
    scheme = options.get("scheme", scheme)
    if scheme not in ("http", "https") or not host.strip("/"):
        raise ConfigError(
            f"The endpoint of the object store has to be like http://HOST:9000; got {url!r}"
            f"{f' with scheme {scheme!r}' if 'scheme' in options else ''}."
        )
    return scheme, host.rstrip("/")


def _region_of_environment() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _gs(parts: SplitResult) -> Address:
    options = _options(parts, _GS_OPTIONS)
    options.setdefault("retry_limit_seconds", str(_SILENCE_S))
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator and "endpoint_override" not in options:
        scheme, found, host = emulator.partition("://")
        options["endpoint_override"] = (host if found else emulator).rstrip("/")
        options["scheme"] = scheme if found else "http"
    uri = parts._replace(query=urlencode(options, quote_via=quote)).geturl()
    return Address(_shown(parts), _folder(parts), lambda: fs.FileSystem.from_uri(uri)[0])


def _bucket(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _folder(parts: SplitResult) -> str:
    return f"{_bucket(parts)}{unquote(parts.path)}".rstrip("/")


def _shown(parts: SplitResult) -> str:
    """Return the location without a password: it gets into messages."""
    if parts.password is None:
        return parts.geturl()
    return parts._replace(netloc=f"{parts.username}:***@{_bucket(parts)}").geturl()
