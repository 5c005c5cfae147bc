"""`manage.py evaluate_faces`: the comparison held against pairs of photographs."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from tests.passcodes.people import astronaut, close, file, hopper, lively, turned


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pictures of each of two people, one of nobody, and a file that is none."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "more").mkdir()
    for who in (astronaut, hopper):
        (folder / f"{who.__name__}.jpg").write_bytes(file(close(who)))
        (folder / "more" / f"{who.__name__}.png").write_bytes(file(lively(turned(who, 0.5), 1), "PNG"))
    (folder / "nobody.jpg").write_bytes(file(Image.new("RGB", (200, 200), "white")))
    (folder / "text.jpg").write_bytes(b"hello")
    return folder


def evaluate(folder, rows, *, header="file_x,file_y,decision", **options):
    pairs = folder / "pairs.csv"
    pairs.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    output = io.StringIO()
    call_command("evaluate_faces", str(pairs), stdout=output, **options)
    return output.getvalue()


PAIRS = [
    "astronaut.jpg,more/astronaut.png,Yes",
    "hopper.jpg,more/hopper.png,yes",
    "astronaut.jpg,hopper.jpg,No",
    "more/hopper.png,more/astronaut.png,NO",
]


def test_report_as_json(folder):
    report = json.loads(evaluate(folder, [*PAIRS, "nobody.jpg,hopper.jpg,No", "hopper.jpg,text.jpg,Yes"], json=True))
    assert [report[name] for name in ("pairs", "compared", "same", "different", "threshold")] == [6, 4, 2, 2, 0.45]
    assert report["faces_not_found"] == {
        str(folder / "nobody.jpg"): "no_face",
        str(folder / "text.jpg"): "not_a_picture",
    }
    assert 0 < report["seconds_per_pair"] < 10
    assert [row["threshold"] for row in report["sweep"]] == [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7]
    in_force = [row for row in report["sweep"] if row["in_force"]]
    assert in_force == [
        {"threshold": 0.45, "in_force": True, "accuracy": 1, "false_accept_rate": 0, "false_reject_rate": 0}
    ]


def test_threshold_in_force_is_the_setting(folder, settings):
    settings.FACE_LIMITS = "same=0.42"
    report = json.loads(evaluate(folder, PAIRS, json=True))
    assert report["threshold"] == 0.42
    assert [row["threshold"] for row in report["sweep"] if row["in_force"]] == [0.42]


def test_wrong_decisions_show_in_the_rates(folder):
    rows = [PAIRS[0], "astronaut.jpg,hopper.jpg,Yes", PAIRS[2], "hopper.jpg,more/hopper.png,No"]
    row = json.loads(evaluate(folder, rows, json=True))["sweep"][3]
    assert (row["accuracy"], row["false_accept_rate"], row["false_reject_rate"]) == (0.5, 0.5, 0.5)


def test_report_for_people(folder):
    text = evaluate(folder, [*PAIRS, "nobody.jpg,hopper.jpg,No"])
    assert text.startswith("5 pairs, 4 compared: 2 of one person, 2 of two. ")
    assert f"  {folder / 'nobody.jpg'}: no_face\n" in text
    assert "     0.45   100.00%         0.00%         0.00%  <- in force\n" in text
    assert "\r" not in text


def test_rates_without_pairs_are_left_open(folder):
    row = json.loads(evaluate(folder, PAIRS[:1], json=True))["sweep"][0]
    assert (row["false_accept_rate"], row["false_reject_rate"]) == (None, 0)


def test_columns_may_come_in_any_order_and_from_a_spreadsheet(folder):
    header = "\ufeffDecision,note,file_y,file_x"
    report = json.loads(evaluate(folder, ["Yes,,astronaut.jpg,astronaut.jpg", ",,,"], header=header, json=True))
    assert report["pairs"] == 1


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        ("file_x,decision", [], "pairs.csv, line 1: no column file_y"),
        ("file_x,file_y,decision", [], "pairs.csv has no pairs"),
        ("file_x,file_y,decision", [PAIRS[0], "astronaut.jpg,,Yes"], "pairs.csv, line 3: file_y is empty"),
        ("file_x,file_y,decision", ["a.jpg,b.jpg"], "pairs.csv, line 2: decision is empty"),
        (
            "file_x,file_y,decision",
            ["astronaut.jpg,hopper.jpg,Maybe"],
            "pairs.csv, line 2: decision is 'Maybe', not Yes or No",
        ),
    ],
)
def test_bad_rows_are_named_by_line(folder, header, rows, message):
    with pytest.raises(CommandError) as refused:
        evaluate(folder, rows, header=header)
    assert str(refused.value) == message


def test_all_bad_rows_are_named_before_any_work(folder):
    with pytest.raises(CommandError) as refused:
        evaluate(folder, ["gone.jpg,hopper.jpg,Yes", PAIRS[0], "hopper.jpg,hopper.jpg,2"])
    assert str(refused.value).splitlines() == [
        f"pairs.csv, line 2: there is no file {folder / 'gone.jpg'}",
        "pairs.csv, line 4: decision is '2', not Yes or No",
    ]


def test_missing_list_is_told(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("evaluate_faces", str(tmp_path / "pairs.csv"))
