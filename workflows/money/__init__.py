"""What each person earns: the workflows around money, the arithmetic, the ledger, the statements (S14, S16, S20 (四)).

`rules` is pure arithmetic: facts and policy in, lines out. `reading` takes the facts out of history as they stood at any
row of it. `ledger` makes the books say what the lines say, by journals that are only ever added. `statements` explains.
"""
