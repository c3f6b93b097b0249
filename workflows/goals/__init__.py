"""Goals: what is to be reached, by which means, at what cost, and what came of it (S3, S5, S6, S7, S8, S11, S13)."""
