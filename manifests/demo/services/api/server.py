"""GET /places, POST /journeys {"from": …, "to": …}, GET /journeys/<id>."""

import json
import os
import re
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

import journeys
import upstream


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = re.fullmatch(r"/journeys/([0-9a-f]{32})", self.path)
        if self.path == "/services/ping":
            self.answer(200, "pong")
        elif self.path == "/places":
            self.guarded(lambda: upstream.get(f"{journeys.ATS}/places"))
        elif found:
            self.guarded(lambda: self.journey(found.group(1)))
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/journeys":
            self.guarded(lambda: self.create(json.loads(body)))
        else:
            self.answer(404, {"error": "no such page"})

    def create(self, wanted):
        return 202, {"state": "waiting", "id": journeys.create(wanted["from"], wanted["to"])}

    def journey(self, identity):
        found = journeys.find(identity)
        return (200, found) if found else (404, {"error": "no such journey"})

    def guarded(self, work):
        try:
            self.answer(*work())
        except journeys.UnknownPlace as name:
            self.answer(404, {"error": f"no such place: {name}"})
        except (ValueError, KeyError) as error:
            self.answer(400, {"error": f"not a journey: {error}"})
        except (upstream.Unavailable, redis.RedisError) as error:
            self.answer(503, {"error": str(error)})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        if self.path != "/services/ping":
            print(self.command, self.path, int(code), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(os.environ.get("PORT", "80"))
    print(f"api answers on port {port}", flush=True)
    ThreadingHTTPServer(("", port), Handler).serve_forever()
