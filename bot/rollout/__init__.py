"""The rules of a rolling update, pure: no I/O, no clock, no Slack.

model      what a pool looks like at one moment (snapshot) and what updates it has
guidance   which tasks an update asks for, at which level, in which order
spec       what people approve, its canonical bytes and digest
policy     who must approve, and whether enough did
checks     what must hold before a run, each with its reason and fix
lifecycle  the states of a rollout and the only table of allowed transitions
memory     the little that cannot be observed again: intents, turns, debts
action     the closed set of things the worker may do to a pool
decide     (spec, memory, snapshot, estimates, now) -> what to do next, and why
"""
