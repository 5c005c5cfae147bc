"""Rows of lists: what is taken, what is refused, and in which words. No database."""

import json
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from declarations import documents
from passcodes.colour import BEIJING, RiskCategory
from passcodes.risk_rows import Listing, RefusedFile, Tally, moment_of
from passcodes.risk_words import CATEGORIES
from tests.factories import DOCUMENTS

AT = datetime(2026, 11, 25, 12, tzinfo=BEIJING)
HEADER = ["document_number", "category", "starts_at", "ends_at", "office", "office_phone"]
ROW = [DOCUMENTS[0], "confirmed", "2026-11-01", "2026-11-20", "区疾控", "024-1"]
OLD_STYLE = "210102900101001"  # of DOCUMENTS[0], as cards bore it until 2012


def hasher(kind):
    return lambda number: f"{kind}:{number}"


def read_areas(header, *rows) -> tuple[list, Tally]:
    """As of a source that has an office."""
    return read(header, *rows, office="区疾控", office_phone="024-1")


def read(header, *rows, **defaults) -> tuple[list, Tally]:
    numbered = ((line, list(row)) for line, row in enumerate([header, *rows], start=1))
    listing = Listing(numbered, hasher=hasher, at=AT, **defaults)
    return list(listing.records()), listing.tally


def problem_of(**changed) -> tuple[str, str] | None:
    """Column and problem of a row that differs in some values; None when it is taken."""
    values = dict(zip(HEADER, ROW, strict=True)) | changed
    records, tally = read(list(values), list(values.values()))
    if records:
        assert tally.problems == []
        return None
    (problem,) = tally.problems
    assert problem[0] == 2
    return tuple(problem[1:])


def test_a_row_as_it_should_be():
    (record,), tally = read(HEADER, ROW)
    assert record.document_hash == f"01:{DOCUMENTS[0]}"
    measure = record.measure
    assert (measure.category, measure.office, measure.office_phone) == ("confirmed", "区疾控", "024-1")
    assert measure.starts_at == datetime(2026, 11, 1, tzinfo=BEIJING)
    assert measure.ends_at == datetime(2026, 11, 21, tzinfo=BEIJING)  # through its last day
    assert (tally.rows, tally.errors) == (1, 0)
    assert tally.sample[0][0] == "21**************15"


def test_the_sample_shows_beijing_s_time_whatever_the_list_s():
    row = ["2026-11-01T20:00:00Z" if name == "starts_at" else value for name, value in zip(HEADER, ROW, strict=True)]
    _, tally = read(HEADER, row)
    assert tally.sample[0][2] == "2026-11-02T04:00:00+08:00"


def test_chinese_headers_words_and_kinds():
    header = ["证件类型", " 证件号码 ", "人员类别", "管控开始时间", "管控结束时间", "责任单位", "责任单位电话", ""]
    row = ["护照", "e1234567", "密切接触者", "2026年11月1日 8时30分", "", "区疾控", "024-1"]
    (record,), _ = read(header, row)
    assert record.document_hash == "03:E1234567"
    assert (record.measure.category, record.measure.ends_at) == ("close_contact", None)
    assert record.measure.starts_at == datetime(2026, 11, 1, 8, 30, tzinfo=BEIJING)


def test_every_category_has_a_chinese_word():
    chinese = {value for word, value in CATEGORIES.items() if not word.isascii()}
    assert chinese == set(RiskCategory)


@pytest.mark.parametrize(
    "number",
    [
        DOCUMENTS[0],
        f" {DOCUMENTS[0]}\t",
        f"'{DOCUMENTS[0]}",
        "210102 19900101 0015",
        "２１０１０２１９９００１０１００１５",
        OLD_STYLE,
    ],
)
def test_numbers_as_people_write_them(number):
    (record,), _ = read(HEADER, [number, *ROW[1:]])
    assert record.document_hash == f"01:{DOCUMENTS[0]}"


def test_lower_case_x_is_the_same_number():
    (record,), _ = read(HEADER, [DOCUMENTS[3].lower(), *ROW[1:]])
    assert record.document_hash == f"01:{DOCUMENTS[3]}"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"document_number": ""}, ("document_number", "missing")),
        ({"document_number": "210102199001010016"}, ("document_number", "number")),
        ({"document_number": "210102199002300013"}, ("document_number", "number")),
        ({"document_number": "2.10102E+17"}, ("document_number", "as_number")),
        ({"document_number": "210102909901001"}, ("document_number", "number")),
        ({"document_number": "1" * 5000}, ("document_number", "number")),
        ({"document_kind": "驾照"}, ("document_kind", "kind")),
        ({"document_kind": "06"}, ("document_number", "number")),
        ({"category": "healthy"}, ("category", "category")),
        ({"category": " "}, ("category", "missing")),
        ({"starts_at": ""}, ("starts_at", "missing")),
        ({"starts_at": "2026-13-01"}, ("starts_at", "date")),
        ({"starts_at": "1926-11-01"}, ("starts_at", "date")),
        ({"starts_at": "yesterday"}, ("starts_at", "date")),
        ({"ends_at": "2026-02-30"}, ("ends_at", "date")),
        ({"ends_at": "2026-10-31"}, ("ends_at", "ends_before_start")),
        ({"starts_at": "2026-11-01 08:00", "ends_at": "2026-11-01 08:00"}, ("ends_at", "ends_before_start")),
        ({"office": ""}, ("office", "missing")),
        ({"office_phone": ""}, ("office_phone", "missing")),
        ({"office": "疾" * 101}, ("office", "text")),
        ({"office": "a\0b"}, ("office", "text")),
        ({"ends_at": "2026-11-01"}, None),  # that day
        ({"ends_at": ""}, None),
        ({"document_kind": "户口簿"}, None),
    ],
)
def test_what_is_wrong_is_named(changed, expected):
    assert problem_of(**changed) == expected


@pytest.mark.parametrize(
    ("starts", "ends", "lapses"),
    [
        ("2026-11-25 11:00", "", datetime(2026, 11, 28, 11, tzinfo=BEIJING)),
        ("2026-11-25 11:00", "2026-11-26 11:00", datetime(2026, 11, 26, 11, tzinfo=BEIJING)),
        ("2026-11-26 12:00", "", datetime(2026, 11, 28, 12, tzinfo=BEIJING)),
        ("2026-11-26 12:00:01", "", "ahead"),
        ("2026-11-28 12:00", "2026-11-29", "ahead"),
        ("2026-11-22 12:00:01", "", datetime(2026, 11, 25, 12, 0, 1, tzinfo=BEIJING)),
        ("2026-11-22 12:00", "", "lapsed"),
        ("2026-11-20", "2026-11-30", "lapsed"),
    ],
)
def test_other_managed_never_ends_later_than_72_hours_from_now(starts, ends, lapses):
    records, tally = read(HEADER, [DOCUMENTS[0], "managed", starts, ends, "区疾控", "024-1"])
    found = [record.measure.ends_at for record in records] + [problem for _, _, problem in tally.problems]
    assert found == [lapses]


@pytest.mark.parametrize(
    ("starts", "ends", "column"),
    [
        ("2026-11-20", "", "starts_at"),
        ("2026-11-20", "2026-11-30", "starts_at"),
        ("2026-11-24", "2026-11-24", "ends_at"),
    ],
)
def test_other_managed_that_is_over_is_named_and_needs_no_second_office(starts, ends, column):
    values = {"category": "managed", "starts_at": starts, "ends_at": ends}
    assert problem_of(**values) == (column, "lapsed")
    row = [DOCUMENTS[0], *values.values(), "区疾控", "024-1"]
    listing = Listing(iter([(1, list(HEADER)), (2, row)]), hasher=hasher, at=AT)
    assert (list(listing.records()), listing.has_managed) == ([], False)


def test_the_source_knows_the_office_of_rows_that_do_not():
    header = ["document_number", "category", "starts_at"]
    (record,), _ = read(header, ROW[:3], office="省疾控", office_phone="024-2")
    assert (record.measure.office, record.measure.office_phone) == ("省疾控", "024-2")


@pytest.mark.parametrize(
    ("header", "code", "names"),
    [
        ([], "empty", []),
        ([*HEADER, "姓名", "联系电话"], "columns", ["姓名", "联系电话"]),
        ([*HEADER, "\ud800\n"], "columns", ["??"]),
        (HEADER[2:], "missing", ["document_number", "category"]),
        ([*HEADER, "身份证号"], "repeated", ["document_number"]),
        (["division", "level", "starts_on", "category"], "columns", ["category"]),
    ],
)
def test_headers_are_refused_by_name(header, code, names):
    with pytest.raises(RefusedFile) as refused:
        read(header)
    assert (refused.value.code, refused.value.names) == (code, names)
    assert all(name in str(refused.value) for name in names)


def test_more_values_than_columns_are_an_error_and_fewer_are_blanks():
    records, tally = read(HEADER, [*ROW, "", ""], [*ROW, "x"], ROW[:5])
    assert len(records) == 1
    assert tally.problems == [[3, "", "too_many"], [4, "office_phone", "missing"]]


def test_areas():
    header = ["行政区划代码", "风险等级", "开始日期", "结束日期"]
    records, tally = read_areas(
        header,
        ["210102", "高风险", "2026/11/1", ""],
        ["210102", "中", "2026-11-02", "2026-11-01"],
        ["999999", "high", "2026-11-02", ""],
        ["210102", "low", "2026-11-02", ""],
    )
    assert [(area.division, area.level, area.starts_on, area.ends_on) for area in records] == [
        (210102, "high", date(2026, 11, 1), None)
    ]
    assert tally.problems == [[3, "ends_on", "ends_before_start"], [4, "division", "division"], [5, "level", "level"]]


def test_areas_may_be_named_places():
    header = ["行政区划代码", "风险等级", "开始日期", "场所名称"]
    records, tally = read_areas(
        header,
        ["210102", "高风险", "2026/11/1", " 太原街市场（东）１号 "],
        ["210102", "高风险", "2026/11/1", ""],
        ["210102", "高风险", "2026/11/1"],
        ["210102", "高风险", "2026/11/1", "场" * 101],
        ["210102", "高风险", "2026/11/1", "市\u200b场"],
        ["210102", "高风险", "2026/11/1", "场" * 100],
    )
    assert [area.place for area in records] == ["太原街市场(东)1号", "", "", "场" * 100]
    assert tally.problems == [[5, "place", "text"], [6, "place", "text"]]
    assert [row[0] for row in tally.sample] == ["210102 太原街市场(东)1号", "210102", "210102", f"210102 {'场' * 100}"]


def test_areas_name_their_office_or_have_the_source_s():
    header, area = ["行政区划代码", "风险等级", "开始日期", "划定机关", "机关电话"], ["210102", "高", "2026-11-01"]
    rows = [[*area, "和平区指挥部（新）", "024-2"], [*area, "和平区指挥部", ""], area, [*area, "机" * 101, ""]]
    records, tally = read_areas(header, *rows)
    assert [(area.office, area.office_phone) for area in records] == [
        ("和平区指挥部（新）", "024-2"),
        ("和平区指挥部", "024-1"),
        ("区疾控", "024-1"),
    ]
    assert [row[-1] for row in tally.sample] == ["和平区指挥部（新）", "和平区指挥部", "区疾控"]
    assert tally.problems == [[5, "office", "text"]]
    records, tally = read(header, *rows[:3])  # of a source without an office
    assert [area.office_phone for area in records] == ["024-2"]
    assert tally.problems == [[3, "office_phone", "missing"], [4, "office", "missing"]]


def test_only_the_first_errors_are_kept():
    records, tally = read(HEADER, *[["x", *ROW[1:]]] * 150)
    assert (records, tally.rows, tally.errors, len(tally.problems)) == ([], 150, 150, 100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", (2026, 1, 2, 0, 0)),
        ("2026/1/2", (2026, 1, 2, 0, 0)),
        ("2026.1.2", (2026, 1, 2, 0, 0)),
        ("20260102", (2026, 1, 2, 0, 0)),
        ("2026年1月2日", (2026, 1, 2, 0, 0)),
        ("２０２６－０１－０２", (2026, 1, 2, 0, 0)),
        ("46024", (2026, 1, 2, 0, 0)),
        ("46024.0", (2026, 1, 2, 0, 0)),
        ("46024.75", (2026, 1, 2, 18, 0)),
        ("2026-01-02T08:30:00.123", (2026, 1, 2, 8, 30)),
        ("2026-01-02 8:30", (2026, 1, 2, 8, 30)),
        ("2026-01-02 24:00", (2026, 1, 3, 0, 0)),
        ("2026-01-02T00:30:00Z", (2026, 1, 2, 8, 30)),
        ("2026-01-02T01:30:00+01:00", (2026, 1, 2, 8, 30)),
    ],
)
def test_dates_as_people_and_programs_write_them(text, expected):
    assert moment_of(text) == datetime(*expected, tzinfo=BEIJING)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-1", "1/2/2026", "2026-01-02 25:00", "2026-01-02 24:01", "99999", "0", "20260230", "明天"]
)
def test_what_is_no_date(text):
    with pytest.raises(ValueError):
        moment_of(text)


@pytest.mark.parametrize(("text", "day"), [("2026-01-02", 3), ("46024", 3), ("2026-01-02 00:00", 2)])
def test_a_day_lasts_to_its_end(text, day):
    assert moment_of(text, ends=True) == datetime(2026, 1, day, tzinfo=BEIJING)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)), st.booleans())
def test_every_form_of_a_day_is_the_same_day(day, ends):
    serial = (day - date(1899, 12, 30)).days
    forms = {day.isoformat(), f"{day.year}/{day.month}/{day.day}", f"{day:%Y%m%d}", str(serial), f"{day:%Y年%m月%d日}"}
    midnight = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    assert {moment_of(form, ends=ends) for form in forms} == {midnight + timedelta(days=ends)}


@given(st.from_regex(r"[1-9]\d{5}(18|19|20)\d{2}[01]\d[0-3]\d{4}", fullmatch=True))
def test_check_digit_is_the_standards(body):
    assert documents.check_digit(body) == ric.calc_check_digit(body + "0")


@given(st.text(alphabet="0123456789Xx １Ｘ", min_size=14, max_size=20) | st.text(max_size=30))
def test_what_is_taken_is_what_a_declaration_would_take(number):
    """A record that no person can meet, or a person that no record can, would be a hole."""
    try:
        expected = documents.check("01", number.strip().lstrip("'’‘"))
    except documents.InvalidNumber:
        expected = None
    records, tally = read(HEADER, [number, *ROW[1:]])
    taken = records[0].document_hash.removeprefix("01:") if records else None
    if taken != expected:
        old = documents.normalise(number.strip().lstrip("'’‘"))
        assert len(old) == 15 and documents.check("01", taken) == taken
    assert len(records) + tally.errors == 1


anything = st.text(max_size=40) | st.sampled_from(["confirmed", "确诊", "2026-11-01", "46024", "01", *DOCUMENTS])


@given(st.lists(st.lists(anything, max_size=8), max_size=5))
def test_rows_of_anything_are_taken_or_counted(rows):
    records, tally = read(HEADER, *rows)
    assert len(records) + tally.errors == tally.rows == len(rows)
    json.dumps(tally.problems)
    for record in records:
        line = record.measure.copied
        assert "\n" not in line and line.count("\t") == 5
        assert record.measure.ends_at is None or record.measure.ends_at > record.measure.starts_at
