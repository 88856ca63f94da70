"""The chaos suite: many pools, real processes, and a seeded plan of everything that goes wrong.

    plan          what is done to it, drawn from the seed
    site          the simulated pools, the workspace, the configuration
    process       one process of the bot: the command line as it is, on the run's clock
    crew          those processes: started, killed, frozen, started again
    disturber     carries out the plan
    standing      how far the rollouts are
    people        who asks, approves and answers calls for attention, in Slack
    conversation  every message that should be in Slack, compared with those that are
    judgement     what became of pools, database and messages
    run           one run from the first request to the verdict
    paper         random pools on paper: thousands of them, without a simulated pool

`make chaos` runs it; docs/reliability.md says how, and what came of it.
"""
