"""A segment is marked as dropped together with a keyed seal of when, so that only who has the key can."""

import json
from datetime import UTC, timedelta

from django.db import migrations, models
from django.utils import timezone

from healthpass.lib.encryption import keyed_digest

KEPT_DAYS = 183  # as accounts.sealing.LEAST_KEPT

POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION accounts_auditsegment_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  dropped accounts_auditsegment := OLD;
BEGIN
  dropped.dropped_at := NEW.dropped_at;
  dropped.dropped_seal := NEW.dropped_seal;
  IF OLD.dropped_at IS NULL AND NEW.dropped_at IS NOT NULL AND NEW.dropped_seal IS NOT NULL AND dropped = NEW
     AND OLD.newest_at < now() - interval '{KEPT_DAYS} days' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'The audit is inserted only (UPDATE on %)', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
"""

SAME = " AND ".join(
    f"OLD.{name} IS NEW.{name}"
    for name in ("number", "sealed_at", "newest_at", "last_id", "count", "total", "root", "head")
)
SQLITE = (
    "CREATE TRIGGER accounts_auditsegment_update BEFORE UPDATE ON accounts_auditsegment"
    f" WHEN NOT (OLD.dropped_at IS NULL AND NEW.dropped_at IS NOT NULL AND NEW.dropped_seal IS NOT NULL AND {SAME}"
    f" AND OLD.newest_at < datetime('now', '-{KEPT_DAYS} days'))"
    " BEGIN SELECT RAISE(ABORT, 'The audit is inserted only'); END"
)


def open_segments(apps, schema_editor):
    """Nothing guards the segments until the last operation."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE accounts_auditsegment DISABLE TRIGGER accounts_auditsegment_update")
    else:
        schema_editor.execute("DROP TRIGGER accounts_auditsegment_update")


def seal_dropped(apps, schema_editor):
    """Segments that were dropped in time and in order, before there was a seal, get one; others are found without."""
    now, kept = timezone.now(), timedelta(days=KEPT_DAYS)
    for segment in apps.get_model("accounts", "AuditSegment").objects.order_by("number").iterator():
        if segment.dropped_at is None or not segment.newest_at + kept <= segment.dropped_at <= now:
            return
        moment = segment.dropped_at.astimezone(UTC).isoformat(timespec="microseconds")
        content = json.dumps([segment.number, segment.head, moment])
        segment.dropped_seal = keyed_digest("audit-drop", content.encode())
        segment.save(update_fields=["dropped_seal"])


def guard_segments(apps, schema_editor):
    """As before, and a mark without a seal is refused."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
        schema_editor.execute("ALTER TABLE accounts_auditsegment ENABLE TRIGGER accounts_auditsegment_update")
    else:
        schema_editor.execute(SQLITE, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_roles")]

    operations = [
        migrations.AddField(
            model_name="auditsegment",
            name="dropped_seal",
            field=models.BinaryField(max_length=32, null=True),
        ),
        migrations.RunPython(open_segments),
        migrations.RunPython(seal_dropped),
        migrations.RunPython(guard_segments),
    ]
