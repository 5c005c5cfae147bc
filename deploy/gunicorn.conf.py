"""Gunicorn: sync workers that share what the master has loaded. Flags and GUNICORN_CMD_ARGS override."""

import os

bind = "127.0.0.1:8000"
workers = int(os.environ.get("WEB_CONCURRENCY", 2))
worker_class = "sync"
preload_app = True
timeout = 30
graceful_timeout = 20
# The longest that gunicorn takes, so that an address of some kilobytes gets our own answer.
limit_request_line = 8190
# Idle connections are kept by the proxy in front, not by sync workers.
keepalive = 0
# A worker is renewed now and then, not all at once, so that a slow leak never matters.
max_requests = 100_000
max_requests_jitter = 10_000
# Addresses hold tokens, so they are not logged here; the proxy logs paths without them.
accesslog = None
errorlog = "-"
loglevel = "info"
# Signals steer it; several servers of one user would share the socket.
control_socket_disable = True
