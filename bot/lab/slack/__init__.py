"""A local Slack workspace: the Web API, Socket Mode and a browser page, for the unchanged bot.

Used as a context manager:

>>> with LabSlack.start() as slack:
...     app = App(client=WebClient(slack.bot_token, base_url=slack.api_url))
...     slack.say("/xs update lab", as_="alice")
...     slack.click("Approve", as_="bob")
"""

from bot.lab.slack.conversation import Answer, Message, Modal, Submission
from bot.lab.slack.driver import LabSlack
from bot.lab.slack.refusal import LabError

__all__ = ["Answer", "LabError", "LabSlack", "Message", "Modal", "Submission"]
