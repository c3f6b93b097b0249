"""How fast it is, each figure beside its floor: the same rows written by hand, in the same run, with the same durability.

`make bench` prints a table and writes `var/bench.json`; `make bench ARGS=--help` says what can be chosen.
"""
