"""Hold the comparison of faces against one's own photographs."""

import csv
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from passcodes import faces
from passcodes.findings import Limits, parse_limits
from passcodes.pictures import PictureError

COLUMNS = ("file_x", "file_y", "decision")
DECISIONS = {"yes": True, "no": False}
SWEEP = tuple(round(0.30 + 0.05 * step, 2) for step in range(9))
SHOWN_ERRORS = 20


@dataclass(frozen=True)
class Pair:
    """Two files, whether they show one person, and the line that says so."""

    line: int
    first: Path
    second: Path
    same: bool


@dataclass(frozen=True)
class Row:
    """What one threshold gives; rates are shares, None without a pair to take them from."""

    threshold: float
    in_force: bool
    accuracy: float | None
    false_accept_rate: float | None
    false_reject_rate: float | None


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a CSV file. Raises CommandError that names every bad line."""
    pairs, errors = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise CommandError(f"{path.name}, line 1: no column {', '.join(missing)}")
            for values in reader:
                if any(value.strip() for value in values):
                    found = _pair(reader.line_num, dict(zip(header, values, strict=False)), path.parent)
                    (pairs if isinstance(found, Pair) else errors).append(found)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path.name} is not in UTF-8") from error
    except csv.Error as error:
        raise CommandError(f"{path.name}, line {reader.line_num}: {error}") from error
    if errors:
        more = [f"and {len(errors) - SHOWN_ERRORS} more"] if len(errors) > SHOWN_ERRORS else []
        raise CommandError("\n".join(f"{path.name}, {error}" for error in errors[:SHOWN_ERRORS] + more))
    if not pairs:
        raise CommandError(f"{path.name} has no pairs")
    return pairs


def _pair(line: int, row: dict[str, str], folder: Path) -> Pair | str:
    """The pair of a row, or what is wrong with it."""
    values = [row.get(name, "").strip() for name in COLUMNS]
    empty = [name for name, value in zip(COLUMNS, values, strict=True) if not value]
    if empty:
        return f"line {line}: {', '.join(empty)} is empty"
    if values[2].lower() not in DECISIONS:
        return f"line {line}: decision is {values[2]!r}, not Yes or No"
    files = [folder / value for value in values[:2]]
    for file in files:
        if not file.is_file():
            return f"line {line}: there is no file {file}"
    return Pair(line, *files, DECISIONS[values[2].lower()])


def sweep(distances: np.ndarray, same: np.ndarray, limits: Limits) -> list[Row]:
    """Rates at each threshold of the sweep and at the one in force."""

    def share(wrong: np.ndarray) -> float | None:
        return round(float(wrong.mean()), 4) if len(wrong) else None

    rows = []
    for threshold in sorted({*SWEEP, limits.same}):
        accepted = distances <= threshold
        rates = (share(accepted == same), share(accepted[~same]), share(~accepted[same]))
        rows.append(Row(threshold, threshold == limits.same, *rates))
    return rows


class Command(BaseCommand):
    help = (
        "Compare pairs of photographs and print how often the comparison is right. PAIRS is a CSV file with columns "
        "file_x, file_y (paths relative to it) and decision (Yes = one person, No = two)."
    )

    def add_arguments(self, parser):
        parser.add_argument("pairs", type=Path, metavar="PAIRS.csv")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args, **options):
        limits = parse_limits(settings.FACE_LIMITS)
        pairs = read_pairs(options["pairs"])
        started = time.perf_counter()
        not_found: dict[str, str] = {}
        encodings = {}
        files = sorted({file for pair in pairs for file in (pair.first, pair.second)})
        for file in self._with_progress(files):
            found = _encoding(file, limits)
            if isinstance(found, str):
                not_found[str(file)] = found
            else:
                encodings[file] = found
        compared = [pair for pair in pairs if pair.first in encodings and pair.second in encodings]
        distances = np.array([faces.distance(encodings[pair.first], encodings[pair.second]) for pair in compared])
        same = np.array([pair.same for pair in compared], bool)
        report = {
            "model": faces.MODEL,
            "pairs": len(pairs),
            "compared": len(compared),
            "same": int(same.sum()),
            "different": int((~same).sum()),
            "threshold": limits.same,
            "seconds_per_pair": round((time.perf_counter() - started) / len(pairs), 4),
            "faces_not_found": not_found,
            "sweep": [asdict(row) for row in sweep(distances, same, limits)],
        }
        self.stdout.write(json.dumps(report, ensure_ascii=False) if options["json"] else _text(report))

    def _with_progress(self, files: list[Path]) -> Iterator[Path]:
        """The files, with a bar for whoever waits at a terminal."""
        for number, file in enumerate(files):
            self._show(number, len(files))
            yield file
        self._show(len(files), len(files))

    def _show(self, done: int, count: int) -> None:
        if sys.stderr.isatty():
            bar = "#" * (40 * done // count)
            self.stderr.write(f"\r[{bar:40}] {done}/{count} files", ending="\n" if done == count else "")


def _encoding(file: Path, limits: Limits) -> np.ndarray | str:
    """Of the largest face; a word for why there is none."""
    try:
        picture = faces.load(file.read_bytes())
    except PictureError as error:
        return error.finding.value
    except OSError as error:
        return str(error.strerror)
    found = faces.find(picture, limits)
    return faces.encode(found[0]) if found else "no_face"


def _text(report: dict) -> str:
    """The report for people."""
    lines = [
        f"{report['pairs']} pairs, {report['compared']} compared: {report['same']} of one person, "
        f"{report['different']} of two. {report['seconds_per_pair']:.3f} s a pair. {report['model']}.",
        f"Faces not found in {len(report['faces_not_found'])} files; their pairs are not in the rates.",
        *(f"  {file}: {reason}" for file, reason in report["faces_not_found"].items()),
        "",
        "threshold  accuracy  false accept  false reject",
    ]
    for row in report["sweep"]:
        rates = (row["accuracy"], row["false_accept_rate"], row["false_reject_rate"])
        cells = ["-" if rate is None else f"{rate:.2%}" for rate in rates]
        mark = "  <- in force" if row["in_force"] else ""
        lines.append(f"{row['threshold']:9.2f}{cells[0]:>10}{cells[1]:>14}{cells[2]:>14}{mark}")
    return "\n".join(lines)
