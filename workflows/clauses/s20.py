"""S20: leaflets, hand-over to the sales office, commissions and penalties. The clauses that are leads and money."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S20",
    _("Leaflets, hand-over, commissions and penalties"),
    (
        Clause(
            "S20 (一)",
            _(
                "Monday to Friday from 10:00 to 16:30, at weekends until 17:30, lunch from 13:00 to 14:00, muster at nine; "
                "adjusted on holidays."
            ),
            by=(
                "policy muster_minute",
                "policy weekday_begin_minute",
                "policy weekday_end_minute",
                "policy weekend_begin_minute",
                "policy weekend_end_minute",
                "policy lunch_begin_minute",
                "policy lunch_end_minute",
                "roster.plan",
                "calendar.enter",
            ),
            shown=(
                "roster_hours_follow_the_calendar",
                "calendar_is_kept_by_the_administrator_and_the_manager",
            ),
        ),
        Clause(
            "S20 (二)",
            _("Work is done with leaflets, at exhibitions and with group purchases of companies."),
            by=("lead.capture",),
            shown=("every_channel_and_every_capturing_role", "visit_every_channel_of_outreach_earns"),
        ),
        Clause(
            "S20 (三)1",
            _("A fixed outreach team of at most 20, paid by the month or by the day; its pay is agreed."),
            by=(
                "policy team_size_max",
                "policy daily_wage_fen",
                "policy base_low_fen",
                "pay.propose",
                "pay.adopt",
                "attendance.propose",
            ),
            shown=(
                "pay_is_agreed_before_it_counts",
                "wage_of_daily_staff",
                "attendance_reckoned_from_the_days_on_the_roster",
            ),
        ),
        Clause(
            "S20 (三)2",
            _("The team is trained in the trade and the project, and can receive and screen customers."),
            by=(
                "training.plan",
                "training.hold",
                "training.examine",
                "policy training_pass_score",
                "lead.screen",
            ),
            shown=("training_held_tested_and_made_up",),
        ),
        Clause(
            "S20 (三)3",
            _("The team has targets, is appraised by them, and is rewarded and punished."),
            by=("quota.propose", "quota.adopt", "deduction.report", "month.submit"),
            shown=("quota_who_may_set_it_and_what_is_refused", "performance_pay_below_the_quotas"),
        ),
        Clause(
            "S20 (三)4",
            _("For a holiday or an important moment more hands are added."),
            by=("roster.add", "pay.propose", "policy daily_wage_fen"),
            shown=("roster_is_changed_only_by_request_and_approval", "wage_of_daily_staff"),
        ),
        Clause(
            "S20 (三)5",
            _("Who meets a customer screens and registers them before bringing them to the sales office."),
            by=("lead.capture", "lead.screen", "lead:screening_reminder", "policy screening_reminder_hours"),
            shown=(
                "every_channel_and_every_capturing_role",
                "a_lead_unscreened_for_a_day_is_called_to_mind_only",
                "duplicate_an_open_phone_in_any_spelling_is_a_conflict",
            ),
        ),
        Clause(
            "S20 (三)6",
            _(
                "The visit is registered and received in turn; a decline hands it to the last of the queue; the consultant "
                "signs."
            ),
            by=("lead.visit", "lead.decline", "lead.appoint", "lead.accept", "lead:offer", "duty.join"),
            shown=(
                "rotation_the_one_who_signs_goes_to_the_tail",
                "rotation_a_decline_goes_to_the_last_of_the_queue_and_keeps_the_place",
                "rotation_unanswered_for_15_minutes_counts_as_declined",
            ),
        ),
        Clause(
            "S20 (三)7",
            _("A customer who does not think of buying, and needs nothing, is invalid."),
            by=("lead.invalidate",),
            shown=(
                "invalidate_before_the_visit_needs_no_approval",
                "invalidate_after_the_visit_needs_the_sales_manager",
            ),
        ),
        Clause(
            "S20 (三)8",
            _("A call-in is screened or invited by outreach first, and only then given to a consultant."),
            by=("lead.screen", "lead.visit"),
            shown=("a_visit_replaces_the_two_weeks_of_a_call_in",),
        ),
        Clause(
            "S20 (三)9",
            _("Ten days without a deal: outreach may call back and take the customer over to the end."),
            by=("lead:lapse", "lead.reclaim", "lead.extend", "policy conversion_days"),
            shown=(
                "ten_days_then_outreach_takes_over",
                "ten_days_to_the_minute",
                "reclaim_rejected_then_granted",
            ),
        ),
        Clause(
            "S20 (三)10",
            _("A visit of more than a month and a call-in of more than two weeks go to the pool."),
            by=("lead:expire", "lead.claim", "lead.release", "policy visit_months", "policy call_in_days"),
            shown=(
                "a_visitor_nobody_received_goes_to_the_pool_after_a_month",
                "call_in_screened_but_never_visited_goes_to_the_pool_after_14_days",
                "pool_claim_release_and_claim_again",
            ),
        ),
        Clause(
            "S20 (四) 个人1",
            _(
                "The month's quotas are set by the outreach manager and approved by the sales manager; confirmed visits beyond "
                "them earn a bonus."
            ),
            by=("quota.propose", "quota.adopt", "policy call_visit_bonus_fen", "policy visit_bonus_fen"),
            shown=(
                "quota_who_may_set_it_and_what_is_refused",
                "quota_the_visit_that_fills_it_earns_nothing_the_next_one_earns",
                "visit_not_confirmed_earns_nothing",
            ),
        ),
        Clause(
            "S20 (四) 个人2",
            _(
                "Whoever brings a customer who buys earns a bonus per unit, and the leader of their team another."
            ),
            by=("lead.deal", "sale.rescind", "policy deal_bonus_fen", "policy leader_bonus_fen"),
            shown=("deal_bonus_to_the_promoter_and_their_leader", "deal_calling_off_needs_finance"),
        ),
        Clause(
            "S20 (四) 个人3",
            _("A fifth of the wage is performance pay: 30% by call-in visits, 70% by other visits."),
            by=("policy performance_percent", "policy performance_call_percent", "month.submit"),
            shown=("performance_pay_below_the_quotas", "performance_pay_beyond_the_quota_counts_as_reached"),
        ),
        Clause(
            "S20 (四) 团队1",
            _("Each month the team that is first in call-in visits, other visits and deals gets an award."),
            by=(
                "policy call_visit_award_fen",
                "policy visit_award_fen",
                "policy deal_award_fen",
                "split.divide",
                "month.submit",
            ),
            shown=("award_to_the_team_that_is_first_in_each", "award_divided_by_the_leader_and_taken_back"),
        ),
        Clause(
            "S20 罚1",
            _("Leaving the post without a reason costs half a day's wage, and the leader 10 yuan."),
            by=("deduction.report", "policy left_post_half_days", "policy left_post_leader_fen"),
            shown=("deduction_left_the_post",),
        ),
        Clause(
            "S20 罚2",
            _("An absence that nobody reported costs the day's wage, and the leader 20 yuan."),
            by=("deduction.report", "policy absent_half_days", "policy absent_leader_fen"),
            shown=("deduction_absent_unnoticed",),
        ),
        Clause(
            "S20 罚3",
            _("Wandering between spots costs half a day's wage each time, and the leader 20 yuan."),
            by=("deduction.report", "policy wandering_half_days", "policy wandering_leader_fen"),
            shown=("deduction_wandering",),
        ),
        Clause(
            "S20 罚4",
            _("Several of a team crowding at one spot cost the leader 10 yuan."),
            by=("deduction.report", "policy crowding_leader_fen"),
            shown=("deduction_crowding_costs_the_leader_alone",),
        ),
        Clause(
            "S20 罚5",
            _(
                "Impatience with a customer costs half a day's wage; where it is serious, the post and half of the wage."
            ),
            by=("deduction.report", "policy bad_mood_half_days", "policy bad_mood_serious_percent"),
            shown=("deduction_bad_mood", "deduction_serious_bad_mood_is_dismissal_and_half_the_wage"),
        ),
        Clause(
            "S20 罚6",
            _("Destroying or throwing away material costs the day's wage, and the leader 20 yuan."),
            by=("deduction.report", "policy destroyed_half_days", "policy destroyed_leader_fen"),
            shown=("deduction_destroyed_material",),
        ),
        Clause(
            "S20 罚7",
            _("A false phone, or friends posing as customers, costs the day's wage and the post."),
            by=("lead.expose", "deduction.report", "policy fake_lead_half_days"),
            shown=("expose_a_friend_posing_as_a_customer", "deduction_follows_from_an_exposed_lead"),
        ),
        Clause(
            "S20 备注",
            _("In bad weather penalties may be lowered."),
            by=("deduction.reduce", "deduction.waive", "round.waive"),
            shown=(
                "deduction_waived_for_the_weather",
                "deduction_reduced_never_raised",
                "round_weather_keeps_findings_from_costing",
            ),
        ),
    ),
)
