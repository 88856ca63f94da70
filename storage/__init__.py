"""What xsbot remembers: typed rows, a chained audit trail and a durable outbox, in one SQL database.

    database    opening, upgrading, and the two kinds of session (write, read)
    postgresql  what PostgreSQL needs beyond what SQLite needs
    leadership  being the one process that does something
    tables      every table; columns holds the column types
    rollouts    requests and their states: the compare-and-set behind every transition
    specs       the bytes that people approve
    timing      when rollouts start and go on, and what people have heard of it
    threads     the card of a rollout and the messages in its thread
    approvals   who approved which digest
    intents     what XAPI was asked for
    debts       what is owed back to a pool
    turns       how far each host is
    pools       the pools seen, and what the last poll found
    notices     the messages that say updates are available
    digests     which weekly digests were told
    audit       the append-only hash chain
    outbox      messages to be sent, in order per lane; posted remembers where they went
    durations   how long things took on a pool

Every function takes the session first and the moment as an argument: nothing here reads a clock.
"""
