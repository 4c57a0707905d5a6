"""Reads TensorBoard's event files: records of length, checksum, data and checksum."""

from __future__ import annotations

import struct
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
from tensorboardX.record_writer import masked_crc32c


def read_events(path: Path) -> list[Event]:
    data, events = path.read_bytes(), []
    while data:
        (length,), (checksum,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        assert checksum == masked_crc32c(data[:8])
        body, data = data[12 : 12 + length], data[12 + length :]
        assert struct.unpack("<I", data[:4]) == (masked_crc32c(body),)
        events.append(Event.FromString(body))
        data = data[4:]
    return events


def scalars(events: list[Event]) -> dict[tuple[str, int], float]:
    """Values by tag and step."""
    return {
        (value.tag, event.step): value.simple_value
        for event in events
        for value in event.summary.value
        if value.HasField("simple_value")
    }


def parameters(events: list[Event]) -> dict[str, object]:
    """What the HParams tab shows of a run."""
    for event in events:
        for value in event.summary.value:
            plugin = HParamsPluginData.FromString(value.metadata.plugin_data.content)
            if plugin.HasField("session_start_info"):
                found = plugin.session_start_info.hparams.items()
                return {name: getattr(v, v.WhichOneof("kind")) for name, v in found}
    raise AssertionError("no parameters")
