"""Everything a person reads, made of domain objects and reasons. Pure: no I/O, no clock, no Slack client.

text        making foreign text harmless, cutting to length, moments and durations
language    the gettext seam every sentence goes through
sentences   reason -> sentence (templates live in the `catalogue_*` modules)
blocks      the dozen Block Kit shapes we use, cut to Slack's limits
message     a message: a text that says it all, and its blocks
notice      updates exist, what they fix, what they cost
card        one rollout: what is asked, of whom, what it costs; Approve and Reject
modal       the update form with its live preview, the reject form, the card as a modal
progress    the plan block in the thread
attention   it cannot go on without a person
outcome     how it ended
status      answers to the reading commands
audit_line  one line of the audit channel
errors      an error as the sentence and the hint a person gets
"""
