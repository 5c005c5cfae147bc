"""`manage.py import_risk`: what the operator reads, and that the same file again changes nothing."""

import contextlib
import io
from datetime import date, datetime

import pytest
from django.core.management import CommandError, call_command

from passcodes.colour import BEIJING
from passcodes.management.commands import import_risk
from passcodes.models import RiskBatch, RiskRecord
from tests import factories
from tests.passcodes import lists
from tests.passcodes.test_risk_files import workbook

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def source():
    return factories.risk_source()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(lists.text(lists.row(), lists.row(), lists.row("1")).getvalue())
    return path


def test_puts_good_rows_in_force_and_names_the_others(file, capsys):
    call_command("import_risk", str(file), source="province")
    said = capsys.readouterr()
    batch = RiskBatch.objects.get()
    assert said.err == "line 4: document_number: this cannot be a number of such a document\n"
    assert said.out == f"Batch {batch.name} (#{batch.pk}): rows 3, applied 1, errors 1, duplicates 1; visible.\n"
    assert (batch.way, batch.state) == ("command", "visible")


def test_the_same_file_again_changes_nothing(file, capsys):
    call_command("import_risk", str(file), source="province")
    call_command("import_risk", str(file), source="province")
    first, again = capsys.readouterr().out.splitlines()
    assert (first, RiskRecord.objects.count()) == (again, 1)
    file.write_bytes(lists.text().getvalue())
    call_command("import_risk", str(file), source="province", batch="mine")
    file.write_bytes(lists.text(lists.row(category="managed")).getvalue())
    with pytest.raises(CommandError, match="Batch mine is there already, with other content"):
        call_command("import_risk", str(file), source="province", batch="mine")


def test_draft_waits_for_an_officer(file):
    call_command("import_risk", str(file), source="province", draft=True)
    assert RiskBatch.objects.get().state == "draft"


def test_workbook(tmp_path):
    path = tmp_path / "list.xlsx"
    row = [factories.DOCUMENTS[0], "确诊", date(2026, 11, 1), datetime(2026, 11, 20, 8, 30)]
    path.write_bytes(workbook(["证件号码", "人员类别", "开始日期", "结束时间"], row))
    call_command("import_risk", str(path), source="province")
    record = RiskRecord.objects.get()
    assert record.category == "confirmed"
    assert record.starts_at == datetime(2026, 11, 1, tzinfo=BEIJING)
    assert record.ends_at == datetime(2026, 11, 20, 8, 30, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("text", "said"),
    [("name\n", "These columns are not known"), ("", "There are no rows"), (lists.HEADER, "No row could be taken")],
)
def test_says_what_is_wrong(file, text, said):
    file.write_text(text)
    with pytest.raises(CommandError, match=said):
        call_command("import_risk", str(file), source="province")
    assert RiskRecord.objects.count() == 0


def test_names_the_sources_there_are(file):
    with pytest.raises(CommandError, match="There is no source x.*there are: province"):
        call_command("import_risk", str(file), source="x")
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_risk", str(file) + "x", source="province")


def test_progress_is_one_line_written_anew(file, capsys):
    with file.open("rb") as opened:
        progress = import_risk.Progress(opened, file.stat().st_size)
        opened.read(file.stat().st_size // 2)
        progress(20_000)
        opened.read()
        progress(40_000)
        progress.done()
        progress.done()
    first, second = capsys.readouterr().err.split("\r")[1:]
    assert first.startswith("[###############               ]  50%  20,000 rows")
    assert second.startswith(f"[{'#' * 30}] 100%  40,000 rows") and second.endswith(" \n")


class Terminal(io.StringIO):
    """What an operator sees, line by line."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """Of each line what was written last over it."""
        return [line.rpartition("\r")[2] for line in self.getvalue().split("\n")]


@pytest.fixture(autouse=True)
def told_of_every_row(monkeypatch):
    monkeypatch.setattr("passcodes.risk.PROGRESS_ROWS", 1)


def imported_at(terminal: Terminal, path) -> None:
    with contextlib.redirect_stderr(terminal):
        call_command("import_risk", str(path), source="province")


def test_the_bar_of_a_workbook_leaves_its_line(tmp_path):
    terminal = Terminal()
    path = tmp_path / "list.xlsx"
    rows = [[number, "确诊", date(2026, 11, 1)] for number in (factories.DOCUMENTS[0], "1")]
    path.write_bytes(workbook(["证件号码", "人员类别", "开始日期"], *rows))
    imported_at(terminal, path)
    bar, problem, end = terminal.lines
    assert "  2 rows" in bar and problem.startswith("line 3: document_number") and end == ""


@pytest.mark.parametrize(
    ("rows", "error", "count"),
    [([lists.row(), lists.row(), '"'], "quotation mark", 2), ([lists.row("1")] * 3, "No row could be taken", 3)],
)
def test_the_bar_moves_with_wrong_rows_and_a_refused_file_leaves_its_line(file, rows, error, count):
    terminal = Terminal()
    file.write_bytes(lists.text(*rows).getvalue())
    with pytest.raises(CommandError, match=error):
        imported_at(terminal, file)
    assert terminal.getvalue().count("\r") >= count
    assert f"  {count} rows" in terminal.lines[0] and terminal.lines[-1] == ""
