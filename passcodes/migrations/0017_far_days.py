from datetime import date

from django.db import migrations, models

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


def clip(apps, schema_editor):
    """Days that no list could have named come from a slip of the hand, or worse.

    In one statement: PostgreSQL alters no table of which a row was changed twice in the same transaction.
    """
    areas = apps.get_model("passcodes", "RiskArea").objects.using(schema_editor.connection.alias)
    within = models.Q(models.Q(ends_on=None) | models.Q(ends_on__lte=LAST_DAY), starts_on__range=(FIRST_DAY, LAST_DAY))
    areas.exclude(within).update(starts_on=_clipped("starts_on"), ends_on=_clipped("ends_on"))


def _clipped(name):
    before = models.When(**{f"{name}__lt": FIRST_DAY}, then=models.Value(FIRST_DAY))
    after = models.When(**{f"{name}__gt": LAST_DAY}, then=models.Value(LAST_DAY))
    return models.Case(before, after, default=models.F(name))


class Migration(migrations.Migration):
    dependencies = [("passcodes", "0016_rule_drafts")]

    operations = [
        migrations.RunPython(clip, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="riskarea",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ends_on", None), ("ends_on__lte", LAST_DAY), _connector="OR"),
                    ("starts_on__range", (FIRST_DAY, LAST_DAY)),
                ),
                name="risk_area_within_the_years",
            ),
        ),
    ]
