"""Keep the scan table's daily partitions ahead of time (PostgreSQL)."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from scanning import partitions


class Command(BaseCommand):
    help = "Create the scan table's partitions from three days ago to seven days ahead. Run it daily."

    def handle(self, *args, **options):
        created = partitions.ensure(timezone.now())
        self.stdout.write(f"Created {', '.join(created)}." if created else "All partitions are there.")
