"""A phone that receives the messages."""

import json
import re
from pathlib import Path

import pytest


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
