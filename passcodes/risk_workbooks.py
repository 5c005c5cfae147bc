"""The first sheet of an .xlsx as a stream of rows.

Our own, because a library's would load numpy into every web process, 28 MB, and we need nothing of styles: dates come
as Excel's serial numbers, which `risk_rows` reads. zipfile unpacks no more of a member than the directory says, so the
directory's sizes can be relied on before anything is read. Document types, and with them entities, are refused.

What a parser would keep, whatever the chunks, is bounded too: names, depth, and a tag that does not end, which expat
reads anew with every chunk.
"""

import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from passcodes.risk_rows import Raw, RefusedFile

CHUNK = 64 * 1024  # bytes
UNPACKED_LIMIT = 100_000_000  # bytes
TEXTS_LIMIT = 32_000_000  # of that, as they are held in memory
SMALL_LIMIT = 1_000_000  # of the members that say which sheet is the first
MEMBERS_LIMIT = 2_000
ENTRY = b"PK\x01\x02"  # how one of the directory begins
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # as workbooks are; others may ask for any amount of memory
MOST_COLUMNS = 200
MOST_NAMES = 10_000  # of elements and attributes
DEEPEST = 100
LONGEST_TAG = 1_000_000  # bytes
LONGEST_TEXT = 32_767  # characters in a cell: no more fit in
TEXT_KEPT = 1_000  # of those, as no column takes so many
WORKBOOK, RELATIONS, TEXTS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml"
LETTERS = re.compile(r"[A-Z]{1,3}").fullmatch
BROKEN = (
    expat.ExpatError,
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,  # an offset beyond any file
    EOFError,
    LookupError,  # a member or text that is not there, an encoding that nobody knows
    NotImplementedError,  # a compression that zipfile does not know
    OSError,  # an offset before the file
    RuntimeError,  # a password
    ValueError,
    struct.error,
)


def rows_of(file: BinaryIO) -> Iterator[Raw]:
    """Line number and values of every row that has any. Raises RefusedFile, also while it is read."""
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            _check_size(archive.infolist())
            sheet = _first_sheet(archive)
            texts = _Texts(archive).read() if TEXTS in archive.namelist() else []
            yield from _Sheet(archive, sheet, texts).rows()
    except BROKEN as error:
        raise RefusedFile("workbook") from error


def _check_directory(file: BinaryIO) -> None:
    """Before zipfile makes an object of each of its entries."""
    entries, end = 0, b""
    while chunk := file.read(CHUNK):
        entries += (end + chunk).count(ENTRY)
        end = chunk[1 - len(ENTRY) :]
    if entries > MEMBERS_LIMIT:
        raise RefusedFile("unpacked")


def _check_size(members: list[zipfile.ZipInfo]) -> None:
    texts = sum(member.file_size for member in members if "sharedstrings" in member.filename.casefold())
    whole = sum(member.file_size for member in members)
    small = max((member.file_size for member in members if member.filename in (WORKBOOK, RELATIONS)), default=0)
    if texts > TEXTS_LIMIT or whole > UNPACKED_LIMIT or small > SMALL_LIMIT:
        raise RefusedFile("unpacked")
    if any(member.compress_type not in PACKED for member in members):
        raise ValueError("compression")


def _first_sheet(archive: zipfile.ZipFile) -> str:
    """The name of its member. Dates counted from 1904 would be four years off: those are not read."""
    sheets, targets = [], {}
    for name, attributes in _Elements(archive, WORKBOOK, {"workbookPr", "sheet"}).all():
        if name == "workbookPr" and attributes.get("date1904", "0") not in ("0", "false"):
            raise ValueError("1904")
        if name == "sheet":
            sheets += [value for key, value in attributes.items() if key.rpartition(":")[2] == "id"]
    for _name, attributes in _Elements(archive, RELATIONS, {"Relationship"}).all():
        targets[attributes["Id"]] = attributes["Target"]
    return posixpath.join("/xl", targets[sheets[0]]).lstrip("/")


class _Parser:
    """Feeds a member of the archive to the `start`, `text` and `end` of a subclass; names come without a prefix."""

    def __init__(self, archive: zipfile.ZipFile, member: str):
        self.archive, self.member = archive, member
        self.found: list = []
        self.depth = 0

    def parse(self) -> Iterator[list]:
        """What the subclass has found, as it goes."""
        names, fed = {}, 0
        parser = expat.ParserCreate(intern=names)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.text
        with self.archive.open(self.member) as data:
            while chunk := data.read(CHUNK):
                parser.Parse(chunk)
                fed += len(chunk)
                if len(names) > MOST_NAMES or fed - parser.CurrentByteIndex > LONGEST_TAG:
                    raise ValueError("names or tag")
                yield self.found
                self.found = []
        parser.Parse(b"", True)
        yield self.found

    def _doctype(self, *_declared) -> None:
        raise ValueError("document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("depth")
        self.start(name.rpartition(":")[2], attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        self.end(name.rpartition(":")[2])

    def start(self, name: str, attributes: dict[str, str]) -> None:
        pass

    def end(self, name: str) -> None:
        pass

    def text(self, text: str) -> None:
        pass


class _Elements(_Parser):
    """Some elements of a small member, by their names, with their attributes."""

    def __init__(self, archive: zipfile.ZipFile, member: str, names: set[str]):
        super().__init__(archive, member)
        self.names = names

    def all(self) -> list[tuple[str, dict[str, str]]]:
        return [element for found in self.parse() for element in found]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in self.names:
            self.found.append((name, attributes))


class _Takes(_Parser):
    """Collects the text of `v` and `t`, but of no phonetic guide, in `taken`."""

    def __init__(self, archive: zipfile.ZipFile, member: str):
        super().__init__(archive, member)
        self.taken: list[str] = []
        self.length = 0
        self.is_taking = self.is_phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("v", "t"):
            self.is_taking = not self.is_phonetic
        elif name == "rPh":
            self.is_phonetic = True

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self.is_taking = False
        elif name == "rPh":
            self.is_phonetic = False

    def text(self, text: str) -> None:
        if self.is_taking:
            self.length += len(text)
            if self.length > LONGEST_TEXT:
                raise ValueError("text")
            self.taken.append(text)

    def take(self) -> str:
        """What was collected, to begin anew."""
        text = "".join(self.taken)[:TEXT_KEPT]
        self.taken.clear()
        self.length = 0
        return text


class _Texts(_Takes):
    """The texts that cells name by number."""

    def __init__(self, archive: zipfile.ZipFile):
        super().__init__(archive, TEXTS)

    def read(self) -> list[str]:
        return [text for found in self.parse() for text in found]

    def end(self, name: str) -> None:
        super().end(name)
        if name == "si":
            self.found.append(self.take())


class _Sheet(_Takes):
    """The rows of a sheet."""

    def __init__(self, archive: zipfile.ZipFile, member: str, texts: list[str]):
        super().__init__(archive, member)
        self.texts = texts
        self.line, self.column, self.kind = 0, -1, ""
        self.cells: dict[int, str] = {}

    def rows(self) -> Iterator[Raw]:
        for found in self.parse():
            yield from found

    def start(self, name: str, attributes: dict[str, str]) -> None:
        super().start(name, attributes)
        if name == "c":
            place = attributes.get("r")
            self.column = column_of(place) if place else self.column + 1
            self.kind = attributes.get("t", "n")
            self.take()
        elif name == "row":
            self.line = int(attributes.get("r", self.line + 1))
            self.column = -1
            self.cells = {}

    def end(self, name: str) -> None:
        super().end(name)
        if name == "c" and self.taken:
            if self.column >= MOST_COLUMNS:
                raise ValueError("columns")
            self.cells[self.column] = self._value(self.take())
        elif name == "row" and any(self.cells.values()):
            self.found.append((self.line, [self.cells.get(place, "") for place in range(max(self.cells) + 1)]))

    def _value(self, text: str) -> str:
        if self.kind == "s":
            return self.texts[int(text)]
        if self.kind == "n":
            return number_text(text)
        return text.removesuffix("T00:00:00") if self.kind == "d" else text


def column_of(place: str) -> int:
    """0 for A7, 26 for AA7. Raises ValueError for what is in no sheet."""
    letters = place.rstrip("0123456789")
    if not LETTERS(letters):
        raise ValueError("column")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def number_text(text: str) -> str:
    """A number as a CSV would have it. Those of more than 15 digits have lost some: they stay in E notation."""
    value = float(text)
    if abs(value) >= 1e15:
        return f"{value:E}"
    return str(int(value)) if value == int(value) else text
