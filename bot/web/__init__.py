"""What the bot answers over HTTP: Slack (where it does not use Socket Mode), health, readiness and metrics.

server      the routes, and uvicorn in a thread of its own
readiness   database, engine and Slack as they are now
figures     what Prometheus reads from the database
"""

from bot.web.figures import figures
from bot.web.readiness import Readiness
from bot.web.server import WebServer

__all__ = ["Readiness", "WebServer", "figures"]
