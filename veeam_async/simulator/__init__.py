"""An embedded Enterprise Manager: a seed in, a server on loopback out.

For demonstrations, tests and benchmarks. What it promises:

- It is written from the server's contract alone (`docs/development/contract.md`): what
  the reference documents, what was recorded from real servers, what public clients
  rely on. It shares no code with the client, so that no mistake can hide on both sides.
- It is deterministic. The same arguments, `seed` and `start` among them, and the same
  requests give the same ids, names, times, results, tokens and faults. Sessions are
  functions of a simulated clock: nothing happens in the background, and `advance`
  moves time at once.
- Its jobs start by schedules where it is `scheduled`, so that there is always something
  to see, and its memory stays bounded: what is due has happened when somebody looks.
- It stays on loopback: it listens on 127.0.0.1 and ::1 unless another host is asked
  for, and opens no connection itself. Leaving it closes every socket at once, whatever
  still waits.
- Its two backup servers have their own jobs and sessions, and clocks of their own
  where `clock_offsets` says so: sessions are dated by them, answers by the manager.
- Everything that it links to is there, for whoever follows links.
- Its user has a `role`, and gets a 403 where that has no right.
- `Faults` and `capacity` break it in the ways networks and busy servers break,
  `restart` as a service that comes up again does.

What it does not simulate:

- Reverse proxies, apart from what they answer in the server's place.
- Real backups: sizes and machines are made up, restore points have a date and
  nothing in them, and most other collections are served empty.
- Product versions before 11, the queries of tasks and of system sessions.
"""

from veeam_async.simulator.faults import Faults
from veeam_async.simulator.render import render
from veeam_async.simulator.server import Simulator, Stats

__all__ = ["Faults", "Simulator", "Stats", "render"]
