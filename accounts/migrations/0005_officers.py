"""Officers decide for an office. Those there are get the province's, as its first: nobody had to agree to them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def give_offices(apps, schema_editor):
    """A role for each flag."""
    Account, Office, Officer = (apps.get_model("accounts", name) for name in ("Account", "Office", "Officer"))
    flagged = Account.objects.filter(is_officer=True)
    if not flagged.exists():
        return
    office = Office.objects.create(name="省卫生健康委员会", phone="024-12320", division=210000)
    now = timezone.now()
    Officer.objects.bulk_create(Officer(account=account, office=office, approved_at=now) for account in flagged)
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # tables with checks outstanding cannot be altered


def take_offices(apps, schema_editor):
    """Back: a flag for each role."""
    Account, Officer = apps.get_model("accounts", "Account"), apps.get_model("accounts", "Officer")
    current = Officer.objects.filter(ended_at=None, approved_at__isnull=False)
    Account.objects.filter(pk__in=current.values("account")).update(is_officer=True)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_insert_only_audit'),
    ]

    operations = [
        migrations.CreateModel(
            name='Officer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='proposed')),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='officer_roles', to=settings.AUTH_USER_MODEL, verbose_name='account')),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='officers', to='accounts.office', verbose_name='office')),
            ],
            options={
                'verbose_name': 'officer',
                'verbose_name_plural': 'officers',
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('account',), name='one_office_at_a_time_for_an_officer'), models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(models.Q(('approved_by', models.F('added_by')), _negated=True), models.Q(('approved_by', models.F('account')), _negated=True)), _connector='OR'), name='officer_approved_by_another'), models.CheckConstraint(condition=models.Q(('added_by', None), models.Q(('added_by', models.F('account')), _negated=True), _connector='OR'), name='officer_proposed_by_another'), models.CheckConstraint(condition=models.Q(('added_by', None), models.Q(('approved_at', None), ('approved_by', None)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False)), _connector='OR'), name='officer_approved_by_somebody')],
            },
        ),
        migrations.RunPython(give_offices, take_offices),
        migrations.RemoveField(
            model_name='account',
            name='is_officer',
        ),
    ]
