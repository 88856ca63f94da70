"""The command line: `xsbot serve | demo | lab | init | plan | doctor | manifest | configure | rollouts | audit | db`.

main       the group, and how errors are shown
serve      the bot itself, and the database's upgrade
rehearsal  the demo and the lab
setup      init, manifest, doctor
plan       what an update would do, without Slack
configure  channel, proxy, schedule and bundles of a pool
records    rollouts and the audit trail, for when Slack is down
"""

from bot.cli.main import main

__all__ = ["main"]
