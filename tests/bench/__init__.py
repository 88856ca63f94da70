"""What xsbot and its peers need for the same work, and what the engine costs, measured.

`make bench` (the engine) makes every part a process of its own, so that what the bot uses can be told from what the
simulation uses; a bench is a module with a function `run` that gives back figures by name. `make bench-rolling` (the
plans) is `tests.bench.rolling`.
"""
