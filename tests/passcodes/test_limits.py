"""Limits of face checks as a setting names them."""

import pytest

from passcodes.findings import DEFAULT_LIMITS, Limits, parse_limits


def test_limits_are_set_by_name():
    assert parse_limits("") == DEFAULT_LIMITS
    assert parse_limits(" same=0.4, unsure = 0.5,photo_height=120,") == Limits(same=0.4, unsure=0.5, photo_height=120)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("same", "same must be a number."),
        ("same=much", "same must be a number."),
        ("photo_height=80.5", "photo_height must be a number."),
        ("same=nan", "same must be more than 0."),
        ("flat=-1", "flat must be more than 0."),
        ("same=0.6", "same must be less than unsure."),
        ("turn=0.02", "back must be less than turn."),
    ],
)
def test_limits_that_cannot_be_are_named(value, message):
    with pytest.raises(ValueError) as error:
        parse_limits(value)
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["sane", "seconds", "bytes", "frames"])
def test_only_thresholds_can_be_set(name):
    with pytest.raises(ValueError, match=f"^{name} is none of seen, clear, another, "):
        parse_limits(f"{name}=1")
