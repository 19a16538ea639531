"""moto's server with conditional writes that are atomic, as S3's are.

moto sees whether the condition of a PUT holds and stores the object a little later, with nothing between other threads and
that gap: with threads made to switch often, 5 of 150 races had two winners. S3 promises one, so PUTs wait for each other here.
"""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.s3 import models as s3_models
from moto.s3.responses import S3Response
from moto.server import main

_one_at_a_time = threading.Lock()
_put_object = S3Response.put_object


def _put_object_atomically(self: S3Response) -> Any:
    with _one_at_a_time:
        return _put_object(self)


if __name__ == "__main__":
    S3Response.put_object = _put_object_atomically
    # A server whose clock is not ours.
    ahead = timedelta(seconds=float(os.environ.get("CLOCK_AHEAD_S", "0")))
    s3_models.utcnow = lambda: utcnow() + ahead
    main()
