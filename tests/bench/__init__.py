"""How fast the engine is and what it costs: `make bench`.

Every part is a process of its own (the simulated pools, the workspace, the bot), so that what the bot uses can be told
from what the simulation uses. A bench is a module with a function `run`; it gives back figures by name.
"""
