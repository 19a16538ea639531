from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest

from perennial.preflight import Fault, check_clock_of
from perennial.preflight.clock import Reading, check_clock
from tests.http_server import serving

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def dated(ahead_s: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(503)
            self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True))
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@pytest.mark.parametrize(("ahead_s", "word"), [(60, "later"), (-60, "earlier")])
def test_a_server_with_another_clock_is_a_fault_with_both_times_and_what_to_do(ahead_s, word):
    with (
        serving(dated(ahead_s)) as url,
        pytest.raises(Fault, match=rf"UTC here and .* UTC at {url}, (5\d|60) seconds {word}.*NTP"),
    ):
        check_clock_of(url)


def test_a_server_with_our_clock_passes_whatever_it_answers():
    with serving(dated(0)) as url:
        assert check_clock_of(url) == "clock within 1 s of ours"


def test_a_server_that_is_away_is_not_compared():
    assert "does not answer yet" in check_clock_of("http://127.0.0.1:9/health")


@pytest.mark.parametrize(("theirs_s", "apart_s"), [(0.0, 0.0), (3.0, 0.0), (5.0, 1.0), (-0.9, 0.0), (-3.0, -2.0)])
def test_a_slow_answer_and_whole_seconds_are_no_distance(theirs_s, apart_s):
    reading = Reading("there", NOON + timedelta(seconds=theirs_s), NOON, NOON + timedelta(seconds=4))
    assert reading.seconds_apart == pytest.approx(apart_s)


def test_ten_seconds_are_allowed_and_eleven_are_not():
    check_clock(Reading("there", NOON + timedelta(seconds=10), NOON, NOON))
    with pytest.raises(Fault, match="11 seconds later"):
        check_clock(Reading("there", NOON + timedelta(seconds=11), NOON, NOON))
