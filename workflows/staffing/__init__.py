"""Staffing: who joins, how work is judged and what follows from it, and who leaves (S1, S11, S12, S13, S15, S16, S17)."""
