"""Named mistakes, each of which a test must notice: the proof that the tests of the invariants test something.

`python -m tests.mutants` (or `make mutants`) makes one mistake after the other in a copy of the tree and runs the
tests that must fail then. `python -m tests.mutants ha abort` takes only those whose name or invariant has one of the
words in it.
"""
