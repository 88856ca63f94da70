"""The only package that speaks XenAPI.

gateway      one pool: the calls that the rest of the bot may make
connection   login, the coordinator found and found again, what may be sent twice and what may not
transport    XML-RPC over HTTPS with timeouts and without silent resending
trust        how a host's certificate is checked
snapshot     records -> `bot.rollout.model.PoolSnapshot`
updates      ``GET /updates``
verbs        actions -> calls
tasks        what became of an asynchronous call
permissions  which calls the account may make
errors       XAPI's codes as our own errors; `codes` is the table behind them
wire         how XAPI writes numbers, moments and references
"""
