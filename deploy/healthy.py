"""Exit 0 when the service in this container says that it is ready.

Docker asks this every few seconds, so it imports nothing but sockets: 20 ms instead of 100.
"""

import os
import socket

request = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
with socket.create_connection(("127.0.0.1", int(os.environ["ONBOARDING_PORT"])), timeout=3) as connection:
    connection.sendall(request)
    answer = connection.recv(32)
raise SystemExit(0 if answer.split(b" ")[1:2] == [b"200"] else answer.decode("latin-1"))
