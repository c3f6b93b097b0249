"""Customers as a resource: who they are, how they are looked after, what they say, and who brings them (S1, S5, S12, S18)."""
