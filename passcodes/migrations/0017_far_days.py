from datetime import date

from django.db import migrations, models

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


def clip(apps, schema_editor):
    """Days that no list could have named come from a slip of the hand, or worse."""
    areas = apps.get_model("passcodes", "RiskArea").objects.using(schema_editor.connection.alias)
    areas.filter(ends_on__lt=FIRST_DAY).update(ends_on=FIRST_DAY, starts_on=FIRST_DAY)
    areas.filter(starts_on__lt=FIRST_DAY).update(starts_on=FIRST_DAY)
    areas.filter(starts_on__gt=LAST_DAY).update(starts_on=LAST_DAY)
    areas.filter(ends_on__gt=LAST_DAY).update(ends_on=LAST_DAY)


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
