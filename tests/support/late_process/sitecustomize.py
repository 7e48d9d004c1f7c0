"""What each Python that a test starts loads first, where the test is to come late."""

import os
import sys

# All else has no simulator of its own, and its start is not to be held up.
if {"demo", "simulate"} & set(sys.orig_argv):
    from tests.support.late import come_late

    come_late(float(os.environ["LATE"]))
