"""The embedded lab: simulated pools that speak XAPI and a local Slack workspace."""
