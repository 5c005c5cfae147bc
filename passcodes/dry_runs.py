"""Having a draft tried on the present population: asked on a page, counted by a worker, kept for a while."""

import hashlib
import json
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta

from django.db import connection, transaction

from accounts import audit, tasks
from accounts.models import Account, Task
from passcodes import dry_run, rules
from passcodes.colour import Colour
from passcodes.dry_run import Cell, Decided, Effect, Sample
from passcodes.dry_run_models import DryRun
from passcodes.models import RiskBatch, RuleSet
from passcodes.risk_models import BatchState
from passcodes.rule_models import RuleSetState

__all__ = ["Decided"]

KIND = "dry-run"
IN_FORCE = "in force: "  # before the number of the set that would decide then
FRESH = timedelta(minutes=1)  # so long, asking again brings the same


@transaction.atomic
def ask(*, batch: RiskBatch | None = None, rule_set: RuleSet | None = None, by: Account, at: datetime) -> DryRun:
    """Have one of the two tried; what is being counted, or was asked within a minute, is returned. Raises Decided.

    Of a draft what would change if it counted, of what is in force what if it was withdrawn.
    """
    thing = batch or rule_set
    thing = type(thing).objects.select_for_update().get(pk=thing.pk)  # of two at once the second finds the first's
    content = content_of(thing, at)
    if not content:
        raise Decided
    last = latest(thing)
    if last and last.content == content and (is_running(last) or last.asked_at > at - FRESH and not has_failed(last)):
        return last
    made = DryRun.objects.create(batch=batch, rule_set=rule_set, content=content, asked_by=by, asked_at=at)
    made.task = tasks.enqueue(KIND, f"dry-run:{made.pk}", at=at)
    made.save(update_fields=["task"])
    name = thing._meta.model_name
    audit.record(by=by, action=f"dry-run-{name}", subject=f"{name}:{thing.pk}", at=at, dry_run=made.pk)
    return made


def latest(thing: RiskBatch | RuleSet) -> DryRun | None:
    """The last that was asked for, of whatever content."""
    return thing.dry_runs.select_related("task").order_by("-pk").first()


def content_of(thing: RiskBatch | RuleSet, at: datetime) -> str:
    """Changes when an earlier result does not tell of it any more; empty if there is nothing to try."""
    if isinstance(thing, RiskBatch):
        return thing.state if thing.state in (BatchState.DRAFT, BatchState.VISIBLE) else ""
    if thing.state == RuleSetState.DRAFT:
        values = repr([row.value for row in thing.rules.order_by("pk")])
        return hashlib.sha256(values.encode()).hexdigest()[:32]
    if rules.has_begun(thing, at):
        before = rules.without(thing, at)
        return f"{IN_FORCE}{before.number if before else 0}"
    return ""


def is_of_withdrawal(run: DryRun) -> bool:
    """Whether it was counted what changes when that ceases to count."""
    return run.content == BatchState.VISIBLE or run.content.startswith(IN_FORCE)


def is_running(run: DryRun) -> bool:
    """Whether a worker counts, or will."""
    return run.finished_at is None and run.task is not None and run.task.done_at is None


def has_failed(run: DryRun) -> bool:
    """Whether nothing will come of it any more."""
    return run.finished_at is None and not is_running(run)


def effect_of(run: DryRun) -> Effect:
    """What was counted. The run must have been finished. To show its samples is a look: `looked_at`."""
    cells = [Cell(division, Colour(was), Colour(becomes), people) for division, was, becomes, people in run.result]
    effect = Effect(tuple(cells), ())
    if effect.is_of_few:
        return effect
    # Those of runs that did not keep who it was are not shown any more.
    rows = [row for row in json.loads(run.samples) if len(row) == len(fields(Sample))]
    samples = [Sample(*who, Colour(was), Colour(becomes)) for *who, was, becomes in rows]
    return replace(effect, samples=tuple(samples))


@transaction.atomic
def looked_at(run: DryRun, effect: Effect, *, reason: str, by: Account, at: datetime) -> None:
    """Somebody sees the samples: a look, and a row for each of these people, who may read that they were found.

    `reason`: a LookReason.
    """
    people = [f"person:{sample.person}" for sample in effect.samples]
    audit.record(by=by, action="view-dryrun", subject=f"dryrun:{run.pk}", at=at, reason=reason)
    audit.record_each(by=by, action="find-person", subjects=people, at=at, reason=reason, dry_run=run.pk)


@transaction.atomic
def count(run: DryRun, *, task: Task, at: datetime) -> None:
    """Count for `at`, keep the result and end the task. Raises Decided if it can never count any more."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64MB'")
    run.content = content_of(run.batch or run.rule_set, at)  # which may have been edited since
    if not run.content:
        raise Decided
    effect = dry_run.of_batch(run.batch, at) if run.batch else dry_run.of_rules(run.rule_set, at)
    run.finished_at = at
    run.result = [list(asdict(cell).values()) for cell in effect.cells]
    samples = [] if effect.is_of_few else [list(asdict(sample).values()) for sample in effect.samples]
    run.samples = json.dumps(samples, ensure_ascii=False)
    run.save(update_fields=["content", "finished_at", "result", "samples"])
    tasks.finish(task, at=at)
