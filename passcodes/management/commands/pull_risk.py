"""Pull new batches of risk data from a source's address."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from passcodes import risk
from passcodes.management.commands.import_risk import source_named, summary
from passcodes.risk_pull import SourceUnavailable, pull
from passcodes.risk_rows import RefusedFile


class Command(BaseCommand):
    help = "Pull what is new from a risk source, from where the last pull ended, and put it in force."

    def add_arguments(self, parser):
        parser.add_argument("source", metavar="SLUG", help="short name of the source")

    def handle(self, *args, source: str, **options):
        try:
            batches = pull(source=source_named(source), at=timezone.now())
        except (SourceUnavailable, RefusedFile) as error:
            raise CommandError(f"{source}: {error}") from error
        except risk.NotAgreed as error:
            raise CommandError(f"{source}: nothing is taken from it any more: it was ended.") from error
        except risk.Busy as error:
            raise CommandError(f"{source}: another list of this source is being loaded.") from error
        except risk.Conflict as error:
            raise CommandError(f"{source}: batch {error.batch.name} came before with other content.") from error
        for batch in batches:
            self.stdout.write(summary(batch))
        if not batches:
            self.stdout.write("Nothing new.")
