"""Office registers: read as people keep them, taken into the books row by row, answered with one reason per row that was not.

The command `tuoke import` and the page both come here.
"""
