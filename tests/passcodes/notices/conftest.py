"""People who can be told by text message, on a day at noon."""

import pytest
import time_machine
from django.utils import timezone

from passcodes.notice_tasks import tell
from tests import factories
from tests.passcodes.notices.steps import NOON


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        tell(None, NOON)  # from now on
        yield traveller


@pytest.fixture
def holder():
    return factories.account()


@pytest.fixture
def code(clock, holder):
    return factories.pass_code(account=holder)


@pytest.fixture
def told(outbox):
    """What was sent since the last time, after the worker's next round."""
    seen = 0

    def messages():
        nonlocal seen
        tell(None, timezone.now())
        new = outbox.messages[seen:]
        seen += len(new)
        return [(message["to"], message["text"]) for message in new]

    return messages
