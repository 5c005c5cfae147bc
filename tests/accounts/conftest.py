"""A phone that receives the messages."""

import json
import re
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone


class Outbox:
    """What was sent, read from the file that SMS_URL names."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def messages(self) -> list[dict]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    @property
    def digits(self) -> str:
        """The code in the latest message."""
        return re.search(r"\d{6}", self.messages[-1]["text"])[0]


@pytest.fixture
def outbox(settings, tmp_path) -> Outbox:
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return Outbox(tmp_path / "outbox.jsonl")


@pytest.fixture
def clock():
    """Stands still at 12:10 in Shenyang, in the middle of every limit's window."""
    with time_machine.travel(timezone.now().replace(hour=4, minute=10, second=0, microsecond=0), tick=False) as clock:
        yield clock
