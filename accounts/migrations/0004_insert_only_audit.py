"""The database itself refuses to change or remove what the audit has, beside the rows of segments old enough to go."""

from django.db import migrations

KEPT_DAYS = 183  # as accounts.sealing.LEAST_KEPT

POSTGRESQL = [
    f"""
CREATE FUNCTION accounts_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The audit is inserted only (% on %)', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

CREATE FUNCTION accounts_auditentry_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM accounts_auditseal s JOIN accounts_auditsegment g ON g.number = s.segment_id
              WHERE s.entry_id = OLD.id AND g.dropped_at IS NOT NULL) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'The audit is inserted only (DELETE on %)', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

CREATE FUNCTION accounts_auditseal_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM accounts_auditsegment g WHERE g.number = OLD.segment_id AND g.dropped_at IS NOT NULL) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'The audit is inserted only (DELETE on %)', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;

CREATE FUNCTION accounts_auditsegment_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  dropped accounts_auditsegment := OLD;
BEGIN
  dropped.dropped_at := NEW.dropped_at;
  IF OLD.dropped_at IS NULL AND NEW.dropped_at IS NOT NULL AND dropped = NEW
     AND OLD.newest_at < now() - interval '{KEPT_DAYS} days' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'The audit is inserted only (UPDATE on %)', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
""",
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION accounts_audit_refuse()"
        for table in ("accounts_auditentry", "accounts_auditseal", "accounts_auditsegment")
    ),
    *(
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION accounts_audit_refuse()"
        for table in ("accounts_auditentry", "accounts_auditseal")
    ),
    *(
        f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_deleted()"
        for table in ("accounts_auditentry", "accounts_auditseal")
    ),
    "CREATE TRIGGER accounts_auditsegment_update BEFORE UPDATE ON accounts_auditsegment"
    " FOR EACH ROW EXECUTE FUNCTION accounts_auditsegment_changed()",
    "CREATE TRIGGER accounts_auditsegment_delete BEFORE DELETE ON accounts_auditsegment"
    " FOR EACH ROW EXECUTE FUNCTION accounts_audit_refuse()",
]

REFUSE = "BEGIN SELECT RAISE(ABORT, 'The audit is inserted only'); END"
DROPPED = "SELECT 1 FROM accounts_auditsegment g WHERE g.number = OLD.segment_id AND g.dropped_at IS NOT NULL"
ENTRY_DROPPED = (
    "SELECT 1 FROM accounts_auditseal s JOIN accounts_auditsegment g ON g.number = s.segment_id"
    " WHERE s.entry_id = OLD.id AND g.dropped_at IS NOT NULL"
)
SAME = " AND ".join(
    f"OLD.{name} IS NEW.{name}"
    for name in ("number", "sealed_at", "newest_at", "last_id", "count", "total", "root", "head")
)
SQLITE = [
    f"CREATE TRIGGER accounts_auditentry_no_update BEFORE UPDATE ON accounts_auditentry {REFUSE}",
    f"CREATE TRIGGER accounts_auditseal_no_update BEFORE UPDATE ON accounts_auditseal {REFUSE}",
    f"CREATE TRIGGER accounts_auditentry_delete BEFORE DELETE ON accounts_auditentry"
    f" WHEN NOT EXISTS ({ENTRY_DROPPED}) {REFUSE}",
    f"CREATE TRIGGER accounts_auditseal_delete BEFORE DELETE ON accounts_auditseal WHEN NOT EXISTS ({DROPPED}) {REFUSE}",
    f"CREATE TRIGGER accounts_auditsegment_update BEFORE UPDATE ON accounts_auditsegment"
    f" WHEN NOT (OLD.dropped_at IS NULL AND NEW.dropped_at IS NOT NULL AND {SAME}"
    f" AND OLD.newest_at < datetime('now', '-{KEPT_DAYS} days')) {REFUSE}",
    f"CREATE TRIGGER accounts_auditsegment_delete BEFORE DELETE ON accounts_auditsegment {REFUSE}",
]


def install(apps, schema_editor):
    """Triggers of the database in use."""
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_sealed_audit")]

    operations = [migrations.RunPython(install)]
