"""Two offices end a role; an office's name is its own. Of offices of one name the later ones are numbered."""

import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


def tell_apart(apps, schema_editor):
    """Add its number to the name of each office that has an earlier one's."""
    known = set()
    for office in apps.get_model("accounts", "Office").objects.order_by("pk"):
        if (plain := _plain(office.name)) in known:
            office.name = f"{office.name[:80]}({office.pk})"
            office.save(update_fields=["name"])
        known.add(plain)


def _plain(name):
    return name.replace(" ", "").replace("\u3000", "").lower()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_officers'),
    ]

    operations = [
        migrations.AddField(
            model_name='officer',
            name='end_asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='asked to end it'),
        ),
        migrations.AddField(
            model_name='officer',
            name='end_asked_office',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.office'),
        ),
        migrations.RunPython(tell_apart, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='office',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower(django.db.models.functions.text.Replace(django.db.models.functions.text.Replace('name', models.Value(' ')), models.Value('\u3000'))), name='office_named_once', violation_error_message='There is an office with this name.'),
        ),
    ]
