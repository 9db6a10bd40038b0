"""What a hostile word, file or folder does to augexp: seeded cases, and what each may end in.

    python -m tests.tools.fuzz --minutes 30 --seed 0

A case works, or is refused with a `UserError` that says what and where; a traceback, a hang or a wrong meaning is a
defect. Every case can be had again: `--kind override --first 17 --cases 1`; but
for kills, whose moments are the clock's.
"""
