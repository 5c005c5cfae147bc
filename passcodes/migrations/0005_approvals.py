"""What two offices agree to. Those who are otherwise managed lapse 72 hours after they began, also earlier ones."""

from datetime import timedelta

import django.db.models.deletion
import healthpass.lib.encryption
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


def lapse(apps, schema_editor):
    """In one statement; and drafts that have such people are known as such."""
    RiskRecord, RiskBatch = apps.get_model("passcodes", "RiskRecord"), apps.get_model("passcodes", "RiskBatch")
    last = F("starts_at") + timedelta(hours=72)
    managed = RiskRecord.objects.filter(category="managed")
    managed.filter(Q(ends_at=None) | Q(ends_at__gt=last)).update(ends_at=last)
    RiskBatch.objects.filter(state="draft", pk__in=managed.values("batch")).update(has_managed=True)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_officers'),
        ('passcodes', '0004_colour_rules'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='riskbatch',
            name='has_managed',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name='riskbatch',
            name='released_office',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.office', verbose_name='office'),
        ),
        migrations.AddField(
            model_name='riskbatch',
            name='renews',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='renewal', to='passcodes.riskbatch', verbose_name='renews batch'),
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('basis', models.CharField(choices=[('cases', 'Law on the Prevention and Treatment of Infectious Diseases (2013), article 39: cases and contacts'), ('areas', 'Law on the Prevention and Treatment of Infectious Diseases (2013), article 42: emergency measures'), ('emergency', 'Emergency Response Law (2007), article 49: public health emergencies'), ('regulation', 'Regulation on Public Health Emergencies (2011), articles 33 and 41'), ('border', 'Frontier Health and Quarantine Law (2018), article 12: arrivals from abroad')], max_length=10, verbose_name='legal basis')),
                ('reason', healthpass.lib.encryption.EncryptedTextField(blank=True, verbose_name='why')),
                ('proposed_at', models.DateTimeField(verbose_name='proposed')),
                ('approved_at', models.DateTimeField(null=True, verbose_name='approved')),
                ('refused_at', models.DateTimeField(null=True, verbose_name='refused')),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('approver_office', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.office', verbose_name='second office')),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='passcodes.riskbatch', verbose_name='risk batch')),
                ('rule_set', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='passcodes.ruleset', verbose_name='set of colour rules')),
                ('proposed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='proposed by')),
                ('proposer_office', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.office', verbose_name='office')),
                ('refused_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='refused by')),
            ],
            options={
                'verbose_name': 'approval',
                'verbose_name_plural': 'approvals',
                'constraints': [models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(('approved_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='approval_by_another_account'), models.CheckConstraint(condition=models.Q(('approver_office', None), models.Q(('approver_office', models.F('proposer_office')), _negated=True), _connector='OR'), name='approval_by_another_office'), models.CheckConstraint(condition=models.Q(models.Q(('approved_at', None), ('approved_by', None), ('approver_office', None)), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False), ('approver_office__isnull', False)), _connector='OR'), name='approval_by_somebody'), models.CheckConstraint(condition=models.Q(models.Q(('batch__isnull', False), ('rule_set', None)), models.Q(('batch', None), ('rule_set__isnull', False)), _connector='OR'), name='approval_of_one_thing'), models.CheckConstraint(condition=models.Q(('basis__in', ['cases', 'areas', 'emergency', 'regulation', 'border'])), name='approval_on_a_listed_basis'), models.UniqueConstraint(condition=models.Q(('refused_at', None)), fields=('batch',), name='approval_of_a_batch_asked_once'), models.UniqueConstraint(condition=models.Q(('refused_at', None)), fields=('rule_set',), name='approval_of_a_rule_set_asked_once')],
            },
        ),
        migrations.RunPython(lapse, migrations.RunPython.noop),
    ]
