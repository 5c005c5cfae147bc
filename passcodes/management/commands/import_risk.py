"""Import a list of risk data from a file on the server: CSV, .xlsx or JSON lines, of any length."""

import sys
import time
from typing import BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from passcodes import risk
from passcodes.models import RiskBatch, RiskSource
from passcodes.risk_models import BatchState, BatchWay
from passcodes.risk_rows import Problem, RefusedFile

STATES = {
    BatchState.DRAFT: "waits: an officer puts it in force at /admin/, with one of another office where that is needed",
    BatchState.VISIBLE: "visible",
    BatchState.WITHDRAWN: "withdrawn",
    BatchState.REFUSED: "refused",
}


class Command(BaseCommand):
    help = (
        "Import a list of people or areas and put it in force at once, or with --draft leave it for an officer to"
        " look at. Rows with errors are left out and named. The same file again changes nothing."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", help="CSV, .xlsx, or JSON lines")
        parser.add_argument("--source", required=True, metavar="SLUG", help="short name of the source")
        parser.add_argument("--batch", metavar="ID", help="id of the batch (default: made from the content)")
        parser.add_argument("--draft", action="store_true", help="load only: an officer puts it in force")

    def handle(self, *args, file: str, source: str, batch: str | None, draft: bool, **options):
        try:
            with open(file, "rb") as opened:
                loaded = self.load(opened, source_named(source), batch, draft)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        except RefusedFile as error:
            raise CommandError(f"{file}: {error}") from error
        except risk.NotAgreed as error:
            raise CommandError(f"Nothing is taken from {source} any more: it was ended.") from error
        except risk.Busy as error:
            raise CommandError("Another list of this source is being loaded.") from error
        except risk.Conflict as error:
            raise CommandError(f"Batch {error.batch.name} is there already, with other content.") from error
        for line, column, problem in loaded.problems:
            self.stderr.write(f"line {line}: {column}: {Problem(problem).label}")
        self.stdout.write(summary(loaded))
        if not loaded.applied:
            raise CommandError("No row could be taken.")

    def load(self, file: BinaryIO, source: RiskSource, name: str | None, draft: bool) -> RiskBatch:
        """The batch, loaded and, unless it is to stay a draft, released."""
        content = risk.examine(file)
        progress = Progress(file, content.size) if sys.stderr.isatty() else None
        try:
            return risk.load(
                source=source,
                name=name or content.digest[:16],
                way=BatchWay.COMMAND,
                file=file,
                by=None,
                at=timezone.now(),
                at_once=not draft,
                content=content,
                progress=progress,
            )
        finally:
            if progress:
                progress.done()


class Progress:
    """A line on the terminal, written anew: how much has been read, and how long the rest will take."""

    def __init__(self, file: BinaryIO, size: int):
        self.file, self.size, self.began = file, size, time.monotonic()
        self.is_open = False

    def __call__(self, rows: int) -> None:
        part = min(self.file.tell() / self.size, 1)
        left = (time.monotonic() - self.began) * (1 - part) / part if part else 0
        bar = "#" * round(30 * part)
        sys.stderr.write(f"\r[{bar:30}] {part:4.0%}  {rows:,} rows  {left:.0f} s left ")
        sys.stderr.flush()
        self.is_open = True

    def done(self) -> None:
        """What is written next begins a line of its own, however far this came."""
        if self.is_open:
            sys.stderr.write("\n")
            self.is_open = False


def source_named(slug: str) -> RiskSource:
    """The source. Raises CommandError that names those there are; also for one that two offices do not agree to."""
    source = RiskSource.objects.filter(slug=slug).first()
    if source is None:
        known = ", ".join(RiskSource.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no source {slug}. Sources are made on the authority's site; there are: {known}.")
    if source.agreed_at is None:
        raise CommandError(f"Nothing is taken from {slug}: two offices have not agreed to it, or it was ended.")
    return source


def summary(batch: RiskBatch) -> str:
    """One line on what came of a batch."""
    figures = ", ".join(f"{name} {number:,}" for name, number in risk.counts(batch).items())
    return f"Batch {batch.name} (#{batch.pk}): {figures}; {STATES[batch.state]}."
