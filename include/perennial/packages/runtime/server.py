"""A model over HTTP, by the standard library alone.

`POST /predict` takes `{"rows": [{"<column>": <value>, ...}, ...]}` and returns `{"answers": [{"prediction": ...}, ...]}`;
`GET /health` returns 200 once the model is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from perennial.packages.runtime.packaged import Packaged
from perennial.packages.runtime.rows import rows_of_request

MOST_BYTES = 64 * 2**20
"""Largest request."""
_ROUTES = {"error": "GET /health or POST /predict"}


def serve(model: Packaged, host: str, port: int) -> None:
    """Answer requests until the process ends; port 0: any that is free, which is printed."""
    with ModelServer(model, host, port) as server:
        print(f"http://{host}:{server.server_address[1]}", flush=True)
        server.serve_forever()


class ModelServer(ThreadingHTTPServer):
    """Serves a model; port 0: any that is free."""

    daemon_threads = True

    def __init__(self, model: Packaged, host: str, port: int) -> None:
        self.model = model
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: ModelServer
    protocol_version = "HTTP/1.1"
    timeout = 60
    # An answer in two small pieces would wait for the client's delayed acknowledgement of the first: 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer for the health check."""
        if self.path == "/health":
            self._answer(HTTPStatus.OK, {"status": "ok", "inputs": self.server.model.inputs})
        else:
            self._answer(HTTPStatus.NOT_FOUND, _ROUTES)

    def do_POST(self) -> None:
        """Predict."""
        length = int(self.headers.get("Content-Length") or 0)
        # What is not read would be taken for the next request.
        self.close_connection = self.path != "/predict" or not 0 < length <= MOST_BYTES
        if self.path != "/predict":
            self._answer(HTTPStatus.NOT_FOUND, _ROUTES)
        elif self.close_connection:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"send 1 to {MOST_BYTES} bytes of JSON"})
        else:
            self._predict(self.rfile.read(length))

    def _predict(self, body: bytes) -> None:
        try:
            asked = json.loads(body)
            rows = rows_of_request(asked.get("rows") if isinstance(asked, dict) else None)
            answers = self.server.model.predict(rows).to_dict(orient="records")
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        else:
            self._answer(HTTPStatus.OK, {"answers": answers})

    def _answer(self, status: HTTPStatus, content: Mapping[str, Any]) -> None:
        body = json.dumps(content, default=lambda number: number.item()).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Write no line for each request."""
