"""The end of a source is agreed to like the withdrawal of rules."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("passcodes", "0017_far_days")]

    operations = [
        migrations.RemoveConstraint(model_name="approval", name="approval_withdraws_rules_alone"),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(("batch", None), ("does", "release"), _connector="OR"),
                name="approval_withdraws_no_batch",
            ),
        ),
    ]
