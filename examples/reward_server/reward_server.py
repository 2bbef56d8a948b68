#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A reward server for gamut, with Python's standard library alone.

    python3 examples/reward_server/reward_server.py --port 8000
    gamut train RECIPE --set reward.kind=remote --set reward.remote.url=http://127.0.0.1:8000

Replace `score` by a judge of your own; docs/rewards.md describes what travels. The one here gives each picture its size
as a PNG file in kB, so that noisy pictures win.
"""
import argparse
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_REQUEST = 1 << 30  # bytes


def score(prompts, pngs, known):
    """One finite number per picture, larger is better; each from its own picture and prompt alone.

    prompts: N strings. pngs: N PNG files as bytes (PIL.Image.open(io.BytesIO(png)) makes pictures of them).
    known: {"target": [N strings], "attributes": [N objects], "metadata": [N objects]} from the prompt set.
    None for a picture that cannot be scored.
    """
    return [len(png) / 1000 for png in pngs]


class Handler(BaseHTTPRequestHandler):
    score = None  # serve() sets it

    def reply(self, status, message):
        body = json.dumps(message, allow_nan=False).encode()  # NaN is no JSON: better an error than a lie
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            self.reply(200, {"status": "ok"})
        else:
            self.reply(404, {"error": f"no such page: {self.path}"})

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if self.path != "/compute" or not 0 < length <= MAX_REQUEST:
            return self.reply(404 if self.path != "/compute" else 413, {"error": "expected POST /compute with a body"})
        try:
            request = json.loads(self.rfile.read(length))
            pngs = [base64.b64decode(text, validate=True) for text in request["image"]]
            self.reply(200, {"rewards": self.score(request["prompt"], pngs, request.get("kwargs", {}))})
        except Exception as error:  # gamut reports the text, tries again, then stops the run
            self.reply(500, {"error": f"{type(error).__name__}: {error}"})

    def log_message(self, form, *values):
        pass


def add_flags(parser):
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")


def serve(judge, options):
    """Answers gamut by `judge`, a function like `score`, until Ctrl-C; judge is called by one thread at a time."""
    lock = threading.Lock()

    def alone(*arguments):
        with lock:
            return judge(*arguments)

    server = ThreadingHTTPServer((options.host, options.port), type("Judge", (Handler,), {"score": staticmethod(alone)}))
    print(f"reward server on http://{options.host}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(parser)
    serve(score, parser.parse_args())


if __name__ == "__main__":
    main()
