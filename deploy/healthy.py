"""Exits with 0 if the service in this container is ready.

Docker runs this every few seconds, so it imports only sockets: 20 ms instead of 100.
"""

import os
import socket

port = os.environ.get("ONBOARDING_HEALTH_PORT") or os.environ["ONBOARDING_PORT"]
request = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
with socket.create_connection(("127.0.0.1", int(port)), timeout=3) as client:
    client.sendall(request)
    response = client.recv(32)
raise SystemExit(0 if response.split(b" ")[1:2] == [b"200"] else response.decode("latin-1"))
