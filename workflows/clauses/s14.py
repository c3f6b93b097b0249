"""S14: the outreach team from day to day."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

LATE = "presence_late_early_and_missing_are_reported_by_themselves"
APPEARANCE = ("deduction.report", "policy appearance_fen")
CONDUCT = ("deduction.report", "policy conduct_fen")

BOOK = Rulebook(
    "S14",
    _("The outreach team from day to day"),
    (
        Clause(
            "S14 一1",
            _("Everybody begins and ends on time, neither late nor early; each breach costs 20 yuan."),
            by=(
                "presence.sign_in",
                "presence.sign_out",
                "presence:day_end",
                "deduction.report",
                "policy attendance_fen",
                "policy late_grace_minutes",
            ),
            shown=(LATE, "presence_is_corrected_with_consent"),
        ),
        Clause(
            "S14 一2",
            _("Everybody signs in and out in person; signing for another is punished on both sides."),
            by=(
                "presence.sign_in",
                "presence.sign_out",
                "presence.deny",
                "presence.correct",
                "deduction.report",
                "page /signing",
                "policy spot_code_minutes",
                "policy proxy_minutes",
            ),
            shown=(
                "presence_two_signing_with_one_device_are_reported",
                "deduction_proxy_signing_costs_both",
                "presence_is_corrected_with_consent",
            ),
        ),
        Clause(
            "S14 一3",
            _("Hours go by the roster; it is changed in special cases, and by nobody without being asked."),
            by=("roster.publish", "roster.add", "presence.move", "presence.take_off"),
            shown=(
                "roster_is_drafted_by_the_leader_and_published_by_consent",
                "roster_is_changed_only_by_request_and_approval",
            ),
        ),
        Clause(
            "S14 一4",
            _("Leave is asked for a day ahead and needs consent; otherwise it counts as absence."),
            by=(
                "leave.ask_leave",
                "leave.grant",
                "leave.call_off",
                "presence:day_end",
                "policy leave_days_ahead",
            ),
            shown=(
                "leave_asked_a_day_ahead_excuses_the_days",
                "leave_asked_too_late_is_the_managers_exception",
                "leave_called_off_the_days_are_due_again",
            ),
        ),
        Clause(
            "S14 一5",
            _("Everybody is at their spot on time."),
            by=("presence.sign_in", "presence.notice", "presence:unseen", "presence:day_end"),
            shown=(LATE,),
        ),
        Clause(
            "S14 二1",
            _("The company's work clothes are worn at work; each breach of appearance costs 10 yuan."),
            by=APPEARANCE,
            shown=("deduction_appearance",),
        ),
        Clause(
            "S14 二2",
            _("Hair is tidy; men do not dye it, women tie it up and wear light make-up."),
            by=APPEARANCE,
            shown=("deduction_appearance",),
        ),
        Clause(
            "S14 二3",
            _("Face, hands and body are clean, nails short and without garish varnish."),
            by=APPEARANCE,
            shown=("deduction_appearance",),
        ),
        Clause(
            "S14 二4",
            _("Personal hygiene is kept; nothing with a strong smell is eaten."),
            by=APPEARANCE,
            shown=("deduction_appearance",),
        ),
        Clause(
            "S14 三1",
            _(
                "The leader's word is followed, and the spot is not picked and chosen; each breach costs 20 yuan."
            ),
            by=(*CONDUCT, "roster.publish"),
            shown=("deduction_conduct", "roster_is_changed_only_by_request_and_approval"),
        ),
        Clause(
            "S14 三2",
            _("Nobody leaves their post without leave."),
            by=(*CONDUCT, "presence.deny"),
            shown=("deduction_conduct", "deduction_left_the_post", "presence_is_corrected_with_consent"),
        ),
        Clause(
            "S14 三3",
            _("The phone is answered, and the leader is told of what happens."),
            by=(*CONDUCT, "presence.notice"),
            shown=("deduction_conduct", LATE),
        ),
        Clause(
            "S14 三4",
            _("Before leaving, the day's log is handed in."),
            by=(
                "log.begin",
                "log.hand_in",
                "log.grade",
                "log:log_due",
                "log:log_to_leader",
                "policy log_due_minute",
            ),
            shown=(
                "log_is_counted_from_the_books_handed_in_and_graded",
                "log_that_is_not_there_is_reminded_escalated_and_late",
            ),
        ),
        Clause(
            "S14 三5",
            _("The words about the project are the same for all, as laid down."),
            by=CONDUCT,
            shown=("deduction_conduct",),
        ),
        Clause(
            "S14 三6",
            _("Tasks given are neither pushed away nor done for show."),
            by=CONDUCT,
            shown=("deduction_conduct",),
        ),
        Clause(
            "S14 三7",
            _("No quarrels with customers, and nothing frivolous."),
            by=(*CONDUCT, "policy bad_mood_half_days"),
            shown=("deduction_conduct", "deduction_bad_mood"),
        ),
        Clause(
            "S14 三8",
            _("No customer is deceived with untrue words."),
            by=(*CONDUCT, "lead.expose"),
            shown=("deduction_conduct", "expose_a_friend_posing_as_a_customer"),
        ),
    ),
)
