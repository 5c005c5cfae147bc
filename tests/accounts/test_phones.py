"""Phone numbers as people type them."""

import pytest

from accounts.phones import InvalidPhone, normalise


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("13800000001", "+8613800000001"),
        ("+8613800000001", "+8613800000001"),
        ("008613800000001", "+8613800000001"),
        (" 138-0000 0001 ", "+8613800000001"),
        ("１３８００００ ０００１", "+8613800000001"),
        ("＋８６ 138 0000 0001", "+8613800000001"),
        ("(138)0000.0001", "+8613800000001"),
        ("\u202d13800000001\u202c", "+8613800000001"),  # as phones paste it from the address book
        ("+852 6123 4567", "+85261234567"),
        ("+1 (212) 555-2368", "+12125552368"),
        ("+82 10-1234-5678", "+821012345678"),
    ],
)
def test_number_is_understood(typed, e164):
    assert normalise(typed) == e164


@pytest.mark.parametrize(
    "typed",
    [
        "12345678901",
        "",
        "+",
        "138000000012",
        "1380000000",
        "02412345678",  # a fixed line
        "1-800-FLOWERS",
        "13800000001;ext=5",
        "+999123456789",
        "6123 4567",  # a Hong Kong number without +852
        "😀13800000001",
        "<script>",
        "1" * 5000,
        "+44 909 879 0000",  # premium rate
    ],
)
def test_what_no_message_can_reach_is_refused(typed):
    with pytest.raises(InvalidPhone, match="not a mobile phone number"):
        normalise(typed)


@pytest.mark.usefixtures("short_texts")
def test_very_long_text_is_refused_unread():
    with pytest.raises(InvalidPhone):
        normalise("1" + "\u0323\u0307" * 100_000)
