"""UUIDv7 (RFC 9562): a scan's primary key, made on the device, carrying the time of the scan."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

AHEAD = timedelta(minutes=10)
BACK = timedelta(hours=48)


def new_id(at: datetime) -> UUID:
    """A UUIDv7 for a moment, to the millisecond, the rest random."""
    milliseconds = int(at.timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 7 << 76 | (random >> 4 & 0xFFF) << 64 | 2 << 62 | random & (1 << 62) - 1
    return UUID(int=value)


def floor_id(at: datetime) -> UUID:
    """The smallest UUID of a moment: ids from then on compare greater or equal."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def time_of(id: UUID) -> datetime:
    """When the id was made, by the clock of the device. Raises ValueError unless it is a UUIDv7 of this age."""
    if id.version != 7:
        raise ValueError("not a UUIDv7")
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def is_in_window(id: UUID, at: datetime) -> bool:
    """Whether the device's clock can be right: at most 10 minutes ahead and 48 hours back."""
    return floor_id(at - BACK) <= id < floor_id(at + AHEAD + timedelta(milliseconds=1))
