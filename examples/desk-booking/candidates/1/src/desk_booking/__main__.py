"""Start the service."""

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from desk_booking import chat
from desk_booking.rules import wrong_field
from desk_booking.store import Store, Taken

STORE = Store()


class Desk(BaseHTTPRequestHandler):
    """The routes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        return

    def answer(self, status: int, body: object = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if found := re.fullmatch(r"/days/([^/]+)", self.path):
            self.answer(200, STORE.on(found[1]))
        else:
            self.answer(404, {"error": "no such page"})

    def do_DELETE(self) -> None:
        found = re.fullmatch(r"/bookings/([^/]+)", self.path)
        if found and STORE.give_back(found[1]):
            self.answer(204)
        else:
            self.answer(404, {"error": "no such booking"})

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        found = re.fullmatch(r"/desks/([^/]+)/bookings", self.path)
        if not found:
            self.answer(404, {"error": "no such page"})
            return
        try:
            body = json.loads(raw)
            day, person = body.get("day"), body.get("person")
        except (ValueError, AttributeError):
            self.answer(422, {"error": "the body is not a JSON object with day and person"})
            return
        if field := wrong_field(day, person):
            self.answer(422, {"error": f"{field} is not valid", "field": field})
            return
        try:
            booking = STORE.book(found[1], day, person)
        except Taken:
            self.answer(409, {"error": "the desk is taken on that day"})
            return
        chat.post(f"{person} has desk {found[1]} on {day}")
        self.answer(201, booking)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8080), Desk).serve_forever()
