"""Answers GET /services/ping, and says hello on /."""

import http.server
import os

NAME = os.environ.get("SERVICE", "new-service")
PORT = 80


def answer(path):
    """What is said to GET path: code and text."""
    if path == "/services/ping":
        return 200, "pong"
    if path == "/":
        return 200, f"hello from {NAME}"
    return 404, "there is nothing here"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code, text = answer(self.path)
        body = f"{text}\n".encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", PORT), Handler).serve_forever()
