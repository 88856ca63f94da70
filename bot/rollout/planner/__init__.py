"""The rolling planner: which host next, which VM where, re-planned from what is observed at every decision.

Pure like the rest of `bot.rollout`, and stateless: `plan` gets a `View` of the pool (built from a snapshot, or kept by
the `Simulation`) and answers with the next steps. The same function decides for real pools and for forecasts.
"""
