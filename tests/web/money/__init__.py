"""Money on pages: statements, months, teams, cases, the policy."""
