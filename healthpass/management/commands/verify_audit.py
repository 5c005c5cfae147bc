"""Check the sealed audit."""

import itertools
import json
from datetime import datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import sealing
from accounts.models import AuditSegment

SHOWN = 20  # findings in all
BAR = 30  # characters


class Command(BaseCommand):
    help = (
        "Walk the sealed audit from its beginning and name the first row that is not as it was sealed; fail if there is"
        " one, or if rows have waited for their seal for minutes. With --published, also hold the chain against heads"
        " that were published: saved copies of /.well-known/health-pass/audit-head.json."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--published", type=Path, nargs="+", default=[], metavar="FILE", help="saved copies of the published heads"
        )

    def handle(self, *, published: list[Path], **options):
        now = timezone.now()
        self.segments = AuditSegment.objects.count()
        self.shows_bar = self.stderr.isatty()
        self.done = self.percent = 0
        findings = list(itertools.islice(sealing.verify(at=now, progress=self.progress), SHOWN))
        findings += [finding for path in published for finding in self.compare(path)]
        if self.shows_bar:
            self.stderr.write("\r" + " " * (BAR + 20) + "\r", ending="")
        for finding in findings:
            self.stdout.write(("broken   " if finding.breaks else "noticed  ") + str(finding))
        first = next((finding for finding in findings if finding.breaks), None)
        if first:
            raise CommandError(f"The audit is broken, first at {first}.")
        last = AuditSegment.objects.newest()
        sealed = f"{last.total} rows in {last.number} segments, head {last.head}" if last else "nothing is sealed yet"
        self.stdout.write(f"The audit is whole: {sealed}.{self.waiting(now)}")

    def waiting(self, now: datetime) -> str:
        """The rows that nothing is known of yet."""
        waits = sealing.backlog()
        if not waits.count:
            return ""
        seconds = (now - waits.oldest_at).total_seconds()
        return f" Not sealed yet: {waits.count} rows, the oldest {seconds:.0f} s old."

    def progress(self, segment: AuditSegment) -> None:
        """Draw the bar on a terminal, when it has grown."""
        self.done += 1
        percent = 100 * self.done // max(self.segments, self.done)
        if self.shows_bar and percent > self.percent:
            self.percent = percent
            bar = "#" * (BAR * percent // 100)
            self.stderr.write(f"\r[{bar:<{BAR}}] {percent:3} %", ending="")

    def compare(self, path: Path) -> list[sealing.Finding]:
        """Heads that were published and that the chain does not have."""
        try:
            document = json.loads(path.read_text())
            heads = [(int(entry["segment"]), entry["head"]) for entry in (document, *document.get("days", []))]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path} is not a copy of the published heads ({type(error).__name__}).") from error
        known = dict(AuditSegment.objects.filter(pk__in=[number for number, _ in heads]).values_list("number", "head"))
        return [
            sealing.Finding(f"segment {number}", f"not the one whose head was published ({path.name})")
            for number, head in sorted(heads)
            if known.get(number) != head
        ]
