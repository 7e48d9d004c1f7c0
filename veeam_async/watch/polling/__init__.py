"""How the sessions of a resource are looked at, once for all watches that ask.

One look answers what all watches and waits ask within a moment: by a GET for each
session, by one paged query for all, or by the list of references; those that work stand
in for those that do not. While sessions are missing, a control asks for something that
the server must know. Nothing here knows HTTP: a `PollSource` holds the callables that
do.
"""
