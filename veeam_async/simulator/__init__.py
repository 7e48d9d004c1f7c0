"""An embedded Enterprise Manager: a seed in, a server on loopback out.

The server's side only, for demonstrations, tests and benchmarks; it shares no
code with the client, so that no mistake can hide on both sides.
"""

from veeam_async.simulator.faults import Faults
from veeam_async.simulator.render import render
from veeam_async.simulator.server import Simulator
from veeam_async.simulator.stats import Stats

__all__ = ["Faults", "Simulator", "Stats", "render"]
