"""The lead as viewflow has it: Django models on the tables of the others, a state machine over one, a flow with a timer.

Imported only once Django is set up (`by_viewflow.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from viewflow import fsm, jsonstore, this
from viewflow.workflow import flow
from viewflow.workflow.lock import select_for_update_lock
from viewflow.workflow.models import Process

from tests.bench.peers import work as done


class Lead(models.Model):
    code = models.CharField(max_length=12, unique=True)
    state = models.CharField(max_length=20)
    version = models.IntegerField()
    promoter = models.CharField(max_length=40)
    demand = models.TextField()

    class Meta:
        db_table = "lead"
        managed = False


class History(models.Model):
    lead = models.ForeignKey(Lead, models.PROTECT)
    seq = models.IntegerField()
    event = models.CharField(max_length=20)
    who = models.CharField(max_length=40)
    at = models.FloatField()
    source = models.CharField(max_length=20)
    target = models.CharField(max_length=20)
    facts = models.TextField()

    class Meta:
        db_table = "history"
        managed = False


class Outbox(models.Model):
    lead = models.ForeignKey(Lead, models.PROTECT)
    fact = models.CharField(max_length=40)
    body = models.TextField()
    at = models.FloatField()

    class Meta:
        db_table = "outbox"
        managed = False


class State(models.TextChoices):
    CAPTURED = "captured"
    SCREENED = "screened"
    ASSIGNED = "assigned"
    UNCONVERTED = "unconverted"


def is_promoter(machine: LeadMachine, who: str) -> bool:
    return bool(who == machine.lead.promoter)


def has_demand(machine: LeadMachine) -> bool:
    return bool(machine.lead.demand)


class LeadMachine:
    """The state machine of one lead; whoever succeeds is remembered and announced."""

    state = fsm.State(State)

    def __init__(self, lead: Lead, who: str) -> None:
        self.lead, self.who = lead, who

    @state.setter()
    def _set(self, value: str) -> None:
        self.lead.state = value

    @state.getter()
    def _get(self) -> Any:
        return State(self.lead.state)

    @state.transition(State.CAPTURED, State.SCREENED, permission=is_promoter, conditions=[has_demand])
    def screen(self) -> done.Move:
        return done.SCREEN

    @state.transition(State.ASSIGNED, State.UNCONVERTED, permission=None)
    def lapse(self) -> done.Move:
        return done.LAPSE

    @state.on_success()
    def _written(self, descriptor: Any, source: str, target: str) -> None:
        move = {each.target: each for each in (done.SCREEN, done.LAPSE)}[target]
        lead = self.lead
        row = (lead.code, str(source), lead.version, lead.promoter)
        values = move.checked(lead.pk, row, self.who, lead.demand)
        lead.version += 1
        lead.save(update_fields=["state", "version", "demand"])
        told = {name: values[name] for name in ("fact", "body", "at")}
        kept = {name: values[name] for name in ("seq", "event", "who", "at", "source", "target", "facts")}
        History.objects.create(lead_id=lead.pk, **kept)
        Outbox.objects.create(lead_id=lead.pk, **told)


class Outreach(Process):
    """One lead on its way."""

    lead_number = jsonstore.IntegerField()

    class Meta:
        proxy = True


class OutreachFlow(flow.Flow):
    """From the street to the deal, and the ten days after which a lead lapses."""

    process_class = Outreach
    lock_impl = select_for_update_lock

    capture = flow.StartHandle(this.begin).Next(this.screen)
    screen = flow.Handle(this.lead_is_screened).Next(this.accept)
    accept = flow.Handle().Next(this.ten_days)
    take_over = flow.StartHandle(this.begin).Next(this.ten_days)
    ten_days = flow.Timer(this.time_left).Next(this.lapse)
    lapse = flow.Function(this.lead_lapses).Next(this.end)
    end = flow.End()

    def begin(self, activation: Any, lead_number: int) -> Any:
        activation.process.lead_number = lead_number
        return activation.process

    def lead_is_screened(self, activation: Any, who: str, demand: str) -> None:
        screen(activation.process.lead_number, who, demand)

    def time_left(self, activation: Any) -> timedelta:
        """Whoever is taken over has had the ten days."""
        return timedelta(0)

    def lead_lapses(self, activation: Any) -> None:
        LeadMachine(_locked(activation.process.lead_number), "clock").lapse()


def _locked(lead_id: int) -> Lead:
    found: Lead = Lead.objects.select_for_update(no_key=True).get(pk=lead_id)
    return found


def screen(lead_id: int, who: str, demand: str) -> None:
    """One transition, within a transaction of the caller. Raises `Refused` when this person may not."""
    machine = LeadMachine(_locked(lead_id), who)
    machine.lead.demand = demand
    if not machine.screen.has_perm(who):
        raise done.Refused(f"{who} may not screen {machine.lead.code}")
    machine.screen()
