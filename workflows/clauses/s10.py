"""S10: outreach events, and promises that are kept."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S10",
    _("Outreach events"),
    (
        Clause(
            "S10 1",
            _("An outreach event has a clear goal, such as 100 new customers this month."),
            by=("event.plan", "event.propose"),
            shown=("event_from_the_plan_to_what_was_learned", "event_reworked_approved_late_or_cancelled"),
        ),
        Clause(
            "S10 2",
            _("The ways of outreach are planned with care, on line and off."),
            by=("event.plan", "event.rework", "event:event_begin", "event:event_end"),
            shown=("event_from_the_plan_to_what_was_learned", "event_reworked_approved_late_or_cancelled"),
        ),
        Clause(
            "S10 3",
            _("The methods change: not always the same few, of which customers tire."),
            not_ours=_(
                "Which method customers would like next is for people to think of; what each event tried and what was learned "
                "from it stands on its page."
            ),
        ),
        Clause(
            "S10 4",
            _("The team pulls together: each knows who does what."),
            by=("event.assign", "event.relieve", "event.propose"),
            shown=("event_from_the_plan_to_what_was_learned",),
        ),
        Clause(
            "S10 5",
            _("What customers say is taken seriously and acted on."),
            by=("lead.follow_up",),
            shown=("following_up_restarts_no_clock",),
        ),
        Clause(
            "S10 6",
            _("Customers are met warmly, never coldly."),
            by=("deduction.report", "policy bad_mood_half_days"),
            shown=("deduction_bad_mood",),
        ),
        Clause(
            "S10 7",
            _("The effect of outreach is evaluated in time, such as by the growth of new customers."),
            by=(
                "event:event_end",
                "event.evaluate",
                "event:evaluation_reminder",
                "policy evaluation_days",
            ),
            shown=("event_from_the_plan_to_what_was_learned", "event_nobody_evaluates_is_called_to_mind"),
        ),
        Clause(
            "S10 8",
            _("Customers are not fooled: a discount that was promised is given."),
            by=(
                "promise.make",
                "promise.grant",
                "promise.keep",
                "promise.pass_on",
                "promise:promise_reminder",
                "promise:promise_overdue",
                "promise:promise_escalation",
                "policy promise_reminder_days",
                "policy promise_escalation_days",
            ),
            shown=(
                "promise_is_recorded_for_ones_own_customer_and_kept",
                "promise_that_costs_money_needs_the_sales_manager",
                "promise_overdue_is_chased_up_to_the_sales_manager",
                "promise_of_somebody_who_leaves_is_passed_on",
            ),
        ),
        Clause(
            "S10 9",
            _("New skills are learned all the time, such as from what went well elsewhere."),
            by=("event.evaluate",),
            shown=("event_from_the_plan_to_what_was_learned",),
        ),
        Clause(
            "S10 10",
            _("The rules are kept strictly: everybody goes the way that is prescribed."),
            by=("lead", "promise", "event"),
            shown=("the_order_of_refusals", "clock_events_are_nobodys_to_ask_for"),
        ),
    ),
)
