"""Files of lists: CSV in the encodings that are met, .xlsx, JSON lines. Read as a stream, in bounded memory."""

import codecs
import contextlib
import csv
import hmac
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import BinaryIO

from openpyxl import load_workbook

from passcodes.risk_rows import Problem, Raw, RefusedFile, RowError

CHUNK = 1_000_000  # bytes
UNPACKED_LIMIT = 100_000_000  # bytes of a workbook; its texts are held in memory, so fewer of those
TEXTS_LIMIT = 32_000_000
MEMBERS_LIMIT = 2_000
LONGEST_LINE = 10_000  # characters
ZIP, OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Content:
    """What one look through the bytes tells: `digest` (keyed, hex), `size` in bytes, and `encoding` of a text."""

    digest: str
    size: int
    encoding: str


def examine(file: BinaryIO, key: bytes) -> Content:
    """Digest and encoding of the whole file, which is left at its beginning."""
    file.seek(0)
    head = file.read(4096)
    digest, size = hmac.new(key, digestmod="sha256"), 0
    decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        decoder = decoder if _decodes(decoder, chunk) else None
    decoder = decoder if _decodes(decoder, b"", final=True) else None
    file.seek(0)
    return Content(digest.hexdigest(), size, _encoding(head, is_utf8=decoder is not None))


def _decodes(decoder: codecs.IncrementalDecoder | None, chunk: bytes, final: bool = False) -> bool:
    if decoder is None:
        return False
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _encoding(head: bytes, *, is_utf8: bool) -> str:
    """By the byte order mark, else by the zero bytes of UTF-16, else strict UTF-8; what is left is GB18030."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    if head and head.count(0) > len(head) // 8:
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    return "utf-8" if is_utf8 else "gb18030"


def rows_of(file: BinaryIO, encoding: str) -> Iterator[Raw]:
    """Line number and values of each row, the header first. Raises RefusedFile, also while it is read."""
    file.seek(0)
    head = file.read(4096)
    file.seek(0)
    if head.startswith(ZIP):
        return _workbook_rows(file)
    if head.startswith(OLD_WORKBOOK):
        raise RefusedFile("old_workbook")
    lines = _lines(file, encoding)
    return _json_rows(lines) if head.lstrip(codecs.BOM_UTF8 + b" \r\n\t")[:1] == b"{" else _csv_rows(lines)


def _lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    """Lines of text, their ends kept. A line without an end in sight is no list."""
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    number = 0
    try:
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise RefusedFile("quote", [number])
            yield line
    except UnicodeError as error:
        raise RefusedFile("encoding", [number + 1]) from error
    finally:
        with contextlib.suppress(ValueError):  # that its owner has closed it already
            text.detach()  # it is not ours to close


def _csv_rows(lines: Iterator[str]) -> Iterator[Raw]:
    """Separated by commas, semicolons, or tabs as in Excel's Unicode text. A value never goes over lines here."""
    first = next(lines, "")
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(_with(first, lines), delimiter=delimiter, strict=True)
    number = 0
    try:
        for values in reader:
            number += 1
            if reader.line_num != number:
                raise RefusedFile("quote", [number])
            if any(values):
                yield number, values
    except csv.Error as error:
        raise RefusedFile("quote", [number + 1]) from error


def _with(first: str, others: Iterator[str]) -> Iterator[str]:
    yield first
    yield from others


def _json_rows(lines: Iterator[str]) -> Iterator[Raw]:
    """An object a line; the first one's names are the header, and later ones may have no others."""
    header: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        values = _json_object(line)
        if header is None:
            header = list(values or ())
            yield number, header
        yield number, RowError(Problem.NOT_AN_OBJECT) if values is None else _in_order(values, header)


def _json_object(line: str) -> dict[str, str] | None:
    """Names and values as texts; None unless it is an object of texts, numbers and nulls."""
    try:
        values = json.loads(line.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    for name, value in values.items():
        if isinstance(value, bool | float | list | dict):
            return None
        values[name] = "" if value is None else str(value)
    return values


def _in_order(values: dict[str, str], header: list[str]) -> list[str]:
    if unknown := [name for name in values if name not in header]:
        raise RefusedFile("columns", unknown)
    return [values.get(name, "") for name in header]


def _workbook_rows(file: BinaryIO) -> Iterator[Raw]:
    """The first sheet of an .xlsx. What it unpacks to is looked up before anything is read."""
    _check_size(file)
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size may be wrong
        for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            if any(value is not None for value in values):
                yield number, [cell_text(value) for value in values]
    except RefusedFile:
        raise
    except Exception as error:  # whatever openpyxl and the parsers below it make of a file that is not right
        raise RefusedFile("workbook") from error


def _check_size(file: BinaryIO) -> None:
    """zipfile reads no more of a member than its directory says, so the directory's sizes can be relied on."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise RefusedFile("workbook") from error
    texts = sum(member.file_size for member in members if "sharedstrings" in member.filename.casefold())
    if len(members) > MEMBERS_LIMIT or texts > TEXTS_LIMIT or sum(m.file_size for m in members) > UNPACKED_LIMIT:
        raise RefusedFile("unpacked")
    file.seek(0)


def cell_text(value) -> str:
    """A cell as a CSV would have it. Numbers of more than 15 digits have lost some: they stay in E notation."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return str(value)
        case datetime() if value.time() != time():
            return value.isoformat(sep=" ", timespec="seconds")
        case date():  # or a datetime of a cell that holds a day
            return value.strftime("%Y-%m-%d")
        case int() | float():
            if abs(value) >= 1e15:
                return f"{value:E}"
            return str(int(value)) if value == int(value) else repr(value)
    return str(value)
