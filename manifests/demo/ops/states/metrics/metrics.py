#!/usr/bin/python3
"""GET /metrics tells Prometheus what runit runs in this container, and what was counted by statsd's protocol over UDP."""

import collections
import glob
import http.server
import os
import re
import socket
import threading

PREFIX = os.environ["METRICS_PREFIX"]
COUNTED = re.compile(r"([a-z0-9_.]+):(\d+)\|c\s*$")
counters = collections.Counter()


def count():
    """Adds up what comes; the last word of a line counts, so that a syslog client may send it too."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", int(os.environ["STATSD_PORT"])))
    while True:
        found = COUNTED.search(server.recv(2048).decode(errors="replace"))
        if found:
            counters[found.group(1).replace(".", "_")] += int(found.group(2))


def lines():
    names = ("SERVICE", "SERVICE_SHA", "OPS_SHA")
    labels = ",".join(f'{name.lower()}="{os.environ.get(name, "")}"' for name in names)
    yield f"{PREFIX}_build_info{{{labels}}} 1"
    for path in sorted(glob.glob("/etc/service/*/supervise/stat")):
        process = path.split("/")[3]
        with open(path, encoding="utf-8") as stat:
            yield f'{PREFIX}_process_up{{process="{process}"}} {int(stat.read().startswith("run"))}'
    for name, value in sorted(counters.items()):
        yield f"{PREFIX}_{name}_total {value}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = "".join(f"{line}\n" for line in lines()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    threading.Thread(target=count, daemon=True).start()
    http.server.ThreadingHTTPServer(("", int(os.environ["METRICS_PORT"])), Handler).serve_forever()
