"""Jobs, the runs that they start, and the server's tasks.

What a run promises:

*A start is sent at most once.* Where no answer says whether it was taken, that is
StartUnconfirmed, and only the caller decides to start again. Stopping and retrying are
sent at most once as well.

*Its own session.* The session of a run is the one that the start's task names. Where
the task names none, or is lost with the logon session that began it, it is the job's
first session that was not among the newest twenty before the start, that no other run
of this manager has, and whose time fits the start, where one does. A run is followed
through the server's own retries where that is asked for.

*Another process goes on.* A saved run holds the job, the moment of the start, the
newest sessions before it, and what was found since; all its times are wall times, so
that what is counted from them does not begin anew.

*Nothing stops a backup* unless `stop`, or `stop_on_cancel=True`, asks for it.
"""
