"""Files of lists: encodings, workbooks, JSON lines; what is no list is refused before or while it is read."""

import io
import json
import tempfile
import tracemalloc
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from passcodes import risk_files
from passcodes.risk_rows import RefusedFile, RowError
from tests.factories import DOCUMENTS

TEXT = f"证件号码,人员类别,开始时间\r\n{DOCUMENTS[0]},确诊,2026-11-01\r\n{DOCUMENTS[1]},密接,2026-11-02\r\n"
ROWS = [
    (1, ["证件号码", "人员类别", "开始时间"]),
    (2, [DOCUMENTS[0], "确诊", "2026-11-01"]),
    (3, [DOCUMENTS[1], "密接", "2026-11-02"]),
]


def rows(data: bytes) -> list:
    file = io.BytesIO(data)
    content = risk_files.examine(file, b"key")
    return list(risk_files.rows_of(file, content.encoding))


def refusal(data: bytes) -> tuple[str, list[str]]:
    with pytest.raises(RefusedFile) as refused:
        rows(data)
    assert str(refused.value)
    return refused.value.code, refused.value.names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_encodings_that_are_met(encoding):
    assert rows(TEXT.encode(encoding)) == ROWS


def test_gb18030_is_told_by_a_late_line_too():
    ascii_rows = "document_number,category,starts_at,office\n" + f"{DOCUMENTS[0]},confirmed,2026-11-01,\n" * 60_000
    late = ascii_rows + f"{DOCUMENTS[0]},confirmed,2026-11-01,区疾控\n"
    assert rows(late.encode("gb18030"))[-1] == (60_002, [DOCUMENTS[0], "confirmed", "2026-11-01", "区疾控"])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters(delimiter):
    assert rows(TEXT.replace(",", delimiter).encode("utf-16")) == ROWS


def test_empty_lines_are_left_out_and_keep_their_number():
    assert [line for line, _ in rows(TEXT.replace("\r\n", "\r\n\r\n", 1).encode())] == [1, 3, 4]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,2\n\xff\xff,3\n", ("encoding", ["1"])),
        (TEXT.encode("utf-16")[:-1], ("encoding", ["3"])),
        (b'a,b\n1,"2\n3,4\n', ("quote", ["2"])),
        (b'a,b\n1,"2\n3,4\n5,6"\n', ("quote", ["2"])),
        (b"a,b\n" + b"1" * 20_000, ("quote", ["2"])),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 100, ("old_workbook", [])),
        (b"PK\x03\x04nothing", ("workbook", [])),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(data, expected):
    assert refusal(data) == expected


def workbook(*lines) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for line in lines:
        sheet.append(line)
    book.save(file := io.BytesIO())
    return file.getvalue()


def test_workbook():
    data = workbook(
        ["证件号码", "开始时间", "结束时间", "责任单位"],
        [DOCUMENTS[0], date(2026, 11, 1), datetime(2026, 11, 20, 8, 30)],
        [None] * 4,
        [210102199001010015, 46024, 46024.5, True],
    )
    assert rows(data) == [
        (1, ["证件号码", "开始时间", "结束时间", "责任单位"]),
        (2, [DOCUMENTS[0], "46327", "46346.35416666666"]),
        (4, ["2.101022E+17", "46024", "46024.5", "1"]),
    ]


def by_hand(sheet: str, *, texts: str = "", book: str = "", packed: int = zipfile.ZIP_STORED) -> bytes:
    """A workbook as other programs may write it: `sheet` and `texts` are what stands inside their root elements."""
    members = {
        "xl/workbook.xml": f'<x:workbook xmlns:r="r">{book}<x:sheets><x:sheet r:id="a"/></x:sheets></x:workbook>',
        "xl/_rels/workbook.xml.rels": '<R><Relationship Id="a" Target="/xl/odd name.xml"/></R>',
        "xl/odd name.xml": sheet if sheet.startswith(("<!D", "<?")) else f"<x:sheetData>{sheet}</x:sheetData>",
        "xl/sharedStrings.xml": f"<sst>{texts}</sst>",
    }
    with zipfile.ZipFile(file := io.BytesIO(), "w", packed) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_workbook_of_another_program():
    texts = "<si><t>a</t></si><si><r><t>b</t></r><r><t>c</t></r><rPh><t>no</t></rPh></si>"
    sheet = (
        '<row r="3"><c t="s"><v>0</v></c><c r="C3" t="s"><v>1</v></c><c r="XFD3" s="1"/></row>'
        '<x:row><x:c t="inlineStr"><x:is><x:t>d</x:t></x:is></x:c><c><f>1+1</f><v>2</v></c></x:row>'
        '<row r="9"><c r="AB9" t="d"><v>2026-11-01T00:00:00</v></c></row>'
    )
    assert rows(by_hand(sheet, texts=texts)) == [(3, ["a", "", "bc"]), (4, ["d", "2"]), (9, [*[""] * 27, "2026-11-01"])]


@pytest.mark.parametrize(
    "data",
    [
        by_hand("", book='<workbookPr date1904="1"/>'),
        by_hand('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
        by_hand('<row><c r="XFD1"><v>1</v></c></row>'),
        by_hand('<row><c t="s"><v>7</v></c></row>'),
        by_hand("<row><c><v>nan</v></c></row>"),
        by_hand("<row>"),
        by_hand('<?xml version="1.0" encoding="utf-99"?><a/>'),
    ],
)
def test_workbooks_that_cannot_be_read(data):
    assert refusal(data) == ("workbook", [])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (by_hand("", book="<a/>" * 500_000), "unpacked"),
        (by_hand('<row><c r="AAAA1"/></row>'), "workbook"),
        (by_hand('<row><c r="%s1"/></row>' % ("A" * 100_000)), "workbook"),
        (by_hand('<row><c r="a1"/></row>'), "workbook"),
        (by_hand("<a>" * 200 + "</a>" * 200), "workbook"),
        (by_hand("".join(f"<a{number}/>" for number in range(20_000))), "workbook"),
        (by_hand("".join(f'<a b{number}=""/>' for number in range(20_000))), "workbook"),
        (by_hand('<a b="%s"/>' % ("x" * 2_000_000)), "workbook"),
        (by_hand("<!--%s-->" % ("x" * 2_000_000)), "workbook"),
        (by_hand('<row><c t="str"><v>%s</v></c></row>' % ("x" * 40_000)), "workbook"),
        (by_hand("", texts="<si><t>%s</t></si>" % ("x" * 40_000)), "workbook"),
        (by_hand("", packed=zipfile.ZIP_LZMA), "workbook"),
        (by_hand("", packed=zipfile.ZIP_BZIP2), "workbook"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_workbook_that_would_take_memory_or_time_is_refused(data, code):
    tracemalloc.start()
    try:
        assert refusal(data) == (code, [])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_workbook_of_too_many_members_is_refused_before_they_are_listed():
    with zipfile.ZipFile(file := io.BytesIO(workbook(["a"])), "a") as archive:
        archive.filelist += archive.filelist * 2_000
        archive._didModify = True
    data = file.getvalue()
    tracemalloc.start()
    try:
        assert refusal(data) == ("unpacked", [])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_of_a_long_cell_as_much_is_kept_as_any_column_could_take():
    assert rows(by_hand('<row><c t="str"><v>%s</v></c></row>' % ("x" * 30_000))) == [(1, ["x" * 1_000])]


@pytest.mark.parametrize("offset", [1_000, -1_000])
def test_workbook_with_broken_offsets_is_refused_in_a_real_file_too(offset):
    data = bytearray(workbook(["a"]))
    begins = int.from_bytes(data[-6:-2], "little")  # of the directory, by the record that ends the file
    data[-6:-2] = (begins + offset).to_bytes(4, "little")
    assert refusal(bytes(data)) == ("workbook", [])
    with tempfile.TemporaryFile() as file, pytest.raises(RefusedFile, match="not an .xlsx workbook"):
        file.write(data)
        list(risk_files.rows_of(file, "utf-8"))


def bomb(size: int, name: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A workbook of some kilobytes with a member that unpacks to `size` bytes."""
    data = io.BytesIO(workbook(["a"], ["b"]))
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{name}.more", "w") as member:
        for _ in range(size // 1_000_000):
            member.write(b" " * 1_000_000)
    return data.getvalue()


@pytest.mark.parametrize(
    ("size", "name"), [(150_000_000, "xl/worksheets/sheet1.xml"), (40_000_000, "xl/sharedStrings")]
)
def test_workbook_that_unpacks_to_too_much_is_refused_before_it_is(size, name):
    data = bomb(size, name)
    assert len(data) < 200_000
    tracemalloc.start()
    try:
        assert refusal(data) == ("unpacked", [])
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_workbook_whose_directory_lies_is_refused():
    """It says that its sheet has 100 bytes; no more than those are unpacked."""
    lines = [["document_number"], *[["1" * 1000]] * 50]
    data = bytearray(workbook(*lines))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    assert data.count(size.to_bytes(4, "little")) >= 1
    lying = bytes(data).replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert refusal(lying)[0] == "workbook"


def test_json_lines():
    first = {"document_number": DOCUMENTS[0], "starts_at": "2026-11-01", "ends_at": None}
    second = {"starts_at": 20261102, "document_number": DOCUMENTS[1]}
    data = "\n".join([json.dumps(first), "", json.dumps(second), "{", "[1]", '{"starts_at": true}', "{}"])
    found = rows(data.encode())
    assert found[:3] == [
        (1, list(first)),
        (1, [DOCUMENTS[0], "2026-11-01", ""]),
        (3, [DOCUMENTS[1], "20261102", ""]),
    ]
    assert [(line, type(values)) for line, values in found[3:]] == [
        (4, RowError),
        (5, RowError),
        (6, RowError),
        (7, list),
    ]


def test_json_lines_may_not_bring_new_names():
    assert refusal(b'{"a": 1}\n{"a": 1, "b": 2}') == ("columns", ["b"])


def test_digest_is_keyed_and_of_the_bytes():
    one, other = (risk_files.examine(io.BytesIO(TEXT.encode()), key) for key in (b"key", b"another"))
    assert one.digest != other.digest
    assert one.size == len(TEXT.encode())
    assert risk_files.examine(io.BytesIO(TEXT.encode("gb18030")), b"key").digest != one.digest


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_refused(data):
    try:
        found = rows(data)
    except RefusedFile as refused:
        assert str(refused)
    else:
        assert all(isinstance(value, str) for _, values in found if isinstance(values, list) for value in values)


names = st.text(st.characters(codec="gb18030", exclude_characters='\r\n\0",;\t{'), min_size=1, max_size=12)


@given(st.lists(st.lists(names, min_size=2, max_size=2), min_size=1, max_size=8))
def test_utf_8_and_utf_16_are_read_as_written(lines):
    lines = [["证件号码", "人员类别"], *lines]
    text = "".join(",".join(line) + "\r\n" for line in lines)
    for encoding in ("utf-8", "utf-16"):
        assert [values for _, values in rows(text.encode(encoding))] == lines
