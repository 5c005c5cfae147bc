"""Files of lists: CSV in the encodings that are met, .xlsx, JSON lines. Read as a stream, in bounded memory."""

import codecs
import contextlib
import csv
import hmac
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from passcodes import risk_workbooks
from passcodes.risk_rows import Problem, Raw, RefusedFile, RowError

CHUNK = 1_000_000  # bytes
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
        return risk_workbooks.rows_of(file)
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
