"""An app with kinds of task that tests need; only worker processes that tests start have it installed."""
