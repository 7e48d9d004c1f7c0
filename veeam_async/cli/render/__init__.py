"""What the commands show: JSON lines, tables, live dashboards, progress, messages.

Nothing here knows of options, exit codes or requests: models and events in, text out.
"""
