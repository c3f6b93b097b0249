"""S9: field trips. The appraisal (7) is told once a workflow sees to it."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S9",
    _("Field trips"),
    (
        Clause(
            "S9 1",
            _(
                "Who goes out plans it: where to, to which customers, what for and when; the superior approves it first."
            ),
            by=(
                "trip.plan",
                "trip.revise",
                "trip.clear",
                "trip.cancel",
                "trip:start_reminder",
                "policy trip_start_minutes",
            ),
            shown=(
                "trip_planned_cleared_prepared_made_and_filed",
                "trip_is_approved_by_the_superior_of_whoever_goes",
                "trip_not_started_is_called_to_mind",
            ),
        ),
        Clause(
            "S9 2",
            _("Papers, tools, business cards and gifts are made ready before."),
            by=("trip.confirm", "trip.start"),
            shown=("trip_planned_cleared_prepared_made_and_filed",),
        ),
        Clause(
            "S9 3",
            _(
                "The law and one's own safety come first; an emergency is reported at once; no bad places, no bad company."
            ),
            by=(
                "incident.report",
                "incident.answer",
                "incident.handle",
                "incident.close",
                "incident:unanswered",
                "policy incident_minutes",
                "deduction.report",
            ),
            shown=(
                "incident_is_answered_handled_and_closed_with_a_lesson",
                "incident_unanswered_for_half_an_hour_is_escalated",
                "deduction_conduct",
            ),
        ),
        Clause(
            "S9 4",
            _(
                "Visits follow the company's way: who, when, what about, what came of it; politely and as a professional."
            ),
            by=("trip.visit", "deduction.report"),
            shown=("trip_planned_cleared_prepared_made_and_filed", "deduction_bad_mood"),
        ),
        Clause(
            "S9 5",
            _(
                "What came of it is filed in time, with every visit and what customers said, and the superior is told."
            ),
            by=(
                "trip.file",
                "trip:filing_reminder",
                "trip:filing_escalation",
                "policy trip_reminder_days",
                "policy trip_filing_days",
            ),
            shown=("trip_not_filed_in_time_is_escalated",),
        ),
        Clause(
            "S9 6",
            _("What it cost is claimed afterwards with its receipt, and reimbursed when it is in order."),
            by=(
                "expense.claim",
                "expense.agree",
                "expense.reimburse",
                "expense.refuse",
                "expense.call_off",
                "policy expense_days",
            ),
            shown=(
                "expense_is_claimed_once_agreed_and_reimbursed",
                "expense_called_off_is_reversed_when_that_is_found",
                "expense_is_no_wage",
            ),
        ),
        Clause(
            "S9 8",
            _("Who goes out is trained in safety, time and again."),
            by=("training.plan", "training.hold", "training.make_up", "training:training_make_up"),
            shown=("training_held_tested_and_made_up",),
        ),
        Clause(
            "S9 9",
            _("What is heard and learned outside is fed back, so that the work gets better."),
            by=("trip.file", "incident.close"),
            shown=(
                "trip_planned_cleared_prepared_made_and_filed",
                "incident_is_answered_handled_and_closed_with_a_lesson",
            ),
        ),
    ),
)
