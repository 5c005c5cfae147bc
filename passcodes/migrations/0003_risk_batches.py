"""Sources and batches of risk data. What there is gets a batch for each row: each was one officer's decision."""

import django.core.validators
import django.db.models.deletion
import healthpass.lib.encryption
from django.conf import settings
from django.db import migrations, models


SOURCE = "INSERT INTO passcodes_risksource (slug, name, office, office_phone, pull_url, cursor, created_at)" \
    " VALUES ('manual', '人工登记', '', '', '', '', CURRENT_TIMESTAMP)"
BATCHES = """
INSERT INTO passcodes_riskbatch (source_id, name, digest, kind, way, state, rows, applied, errors, duplicates, problems,
    created_by_id, created_at, released_by_id, released_at)
SELECT (SELECT id FROM passcodes_risksource WHERE slug = 'manual'), '{table}-' || id, '', '{kind}', 'manual', 'visible',
    1, 1, 0, 0, '[]', {by}, created_at, {by}, created_at
  FROM passcodes_{table}
"""
NOBODY = "CAST(NULL AS bigint)"
LINK = """
UPDATE passcodes_{table} SET batch_id =
    (SELECT b.id FROM passcodes_riskbatch b WHERE b.way = 'manual' AND b.name = '{table}-' || passcodes_{table}.id)
"""


def give_batches(apps, schema_editor):
    """In SQL, set by set; nothing is done where there are no rows yet."""
    if not any(apps.get_model("passcodes", name).objects.exists() for name in ("RiskRecord", "RiskArea")):
        return
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(SOURCE)
        for table, kind, by in (("riskrecord", "people", "created_by_id"), ("riskarea", "areas", NOBODY)):
            cursor.execute(BATCHES.format(table=table, kind=kind, by=by))
            cursor.execute(LINK.format(table=table))
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # tables with checks outstanding cannot be altered


def take_batches(apps, schema_editor):
    """Back: the columns go, and the batches with their table."""


class Migration(migrations.Migration):

    dependencies = [
        ('passcodes', '0002_face_checks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RiskSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=40, unique=True, verbose_name='short name')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('office', models.CharField(blank=True, max_length=100, verbose_name='office')),
                ('office_phone', models.CharField(blank=True, max_length=30, verbose_name='office phone')),
                ('fresh_hours', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='freshness limit in hours')),
                ('key', healthpass.lib.encryption.EncryptedTextField(null=True, verbose_name='key')),
                ('pull_url', models.URLField(blank=True, max_length=300, verbose_name='address to pull from')),
                ('cursor', models.CharField(blank=True, editable=False, max_length=200)),
                ('last_fresh_at', models.DateTimeField(editable=False, null=True, verbose_name='last data')),
                ('stale_from', models.DateTimeField(editable=False, null=True, verbose_name='stale from')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'risk source',
                'verbose_name_plural': 'risk sources',
            },
        ),
        migrations.CreateModel(
            name='RiskBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=64, verbose_name='batch id')),
                ('digest', models.CharField(blank=True, editable=False, max_length=64)),
                ('kind', models.CharField(choices=[('people', 'listed people'), ('areas', 'areas')], max_length=6, verbose_name='about')),
                ('way', models.CharField(choices=[('manual', 'entered by an officer'), ('upload', 'uploaded'), ('command', 'imported on the server'), ('push', 'pushed'), ('pull', 'pulled')], max_length=7, verbose_name='way in')),
                ('state', models.CharField(choices=[('draft', 'waits for release'), ('visible', 'in force'), ('withdrawn', 'withdrawn'), ('refused', 'refused')], default='draft', max_length=9, verbose_name='state')),
                ('rows', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('applied', models.PositiveIntegerField(default=0, verbose_name='rows taken')),
                ('errors', models.PositiveIntegerField(default=0, verbose_name='rows with errors')),
                ('duplicates', models.PositiveIntegerField(default=0, verbose_name='repeated rows')),
                ('problems', models.JSONField(default=list, editable=False)),
                ('sample', healthpass.lib.encryption.EncryptedTextField(null=True)),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('released_at', models.DateTimeField(null=True, verbose_name='released')),
                ('withdrawn_at', models.DateTimeField(null=True, verbose_name='withdrawn at')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('released_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='released by')),
                ('withdrawn_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='withdrawn by')),
            ],
            options={
                'verbose_name': 'risk batch',
                'verbose_name_plural': 'risk batches',
            },
        ),
        migrations.AddField(
            model_name='riskbatch',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='passcodes.risksource', verbose_name='source'),
        ),
        migrations.AddConstraint(
            model_name='riskbatch',
            constraint=models.UniqueConstraint(fields=('source', 'name'), name='risk_batch_named_once_by_its_source'),
        ),
        migrations.AddConstraint(
            model_name='riskbatch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'visible'), _negated=True), ('released_at__isnull', False), _connector='OR'), name='risk_batch_in_force_was_released'),
        ),
        migrations.AddConstraint(
            model_name='riskbatch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'withdrawn'), _negated=True), models.Q(('released_at__isnull', False), ('withdrawn_at__isnull', False)), _connector='OR'), name='risk_batch_withdrawn_was_in_force'),
        ),
        migrations.AddField(
            model_name='riskarea',
            name='batch',
            field=models.ForeignKey(db_index=False, null=True, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='areas', to='passcodes.riskbatch', verbose_name='batch'),
        ),
        migrations.AddField(
            model_name='riskrecord',
            name='batch',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='records', to='passcodes.riskbatch', verbose_name='batch'),
        ),
        migrations.RunPython(give_batches, take_batches),
        migrations.AlterField(
            model_name='riskarea',
            name='batch',
            field=models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='areas', to='passcodes.riskbatch', verbose_name='batch'),
        ),
        migrations.AlterField(
            model_name='riskrecord',
            name='batch',
            field=models.ForeignKey(db_constraint=False, db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='records', to='passcodes.riskbatch', verbose_name='batch'),
        ),
        migrations.RemoveField(
            model_name='riskarea',
            name='created_at',
        ),
        migrations.RemoveField(
            model_name='riskrecord',
            name='created_at',
        ),
        migrations.RemoveField(
            model_name='riskrecord',
            name='created_by',
        ),
        migrations.AlterField(
            model_name='riskarea',
            name='source',
            field=models.CharField(blank=True, max_length=100, verbose_name='source'),
        ),
        migrations.AlterField(
            model_name='riskrecord',
            name='document_hash',
            field=models.CharField(editable=False, max_length=32),
        ),
        migrations.AlterField(
            model_name='riskrecord',
            name='source',
            field=models.CharField(blank=True, max_length=100, verbose_name='source'),
        ),
        migrations.AddIndex(
            model_name='riskrecord',
            index=models.Index(fields=['document_hash'], name='risk_record_document'),
        ),
    ]
