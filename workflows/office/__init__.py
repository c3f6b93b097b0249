"""The work of the outreach office around its leads: what is asked and ruled, planned, promised, kept and judged."""
