"""A clock that stands still."""

import pytest
import time_machine
from django.utils import timezone


@pytest.fixture
def clock():
    """Stands still at 12:10 in Shenyang, in the middle of every limit's window."""
    with time_machine.travel(timezone.now().replace(hour=4, minute=10, second=0, microsecond=0), tick=False) as clock:
        yield clock
