"""Shared by the tests of the Python package."""
from __future__ import annotations

import faulthandler
import signal

import pytest
import support

faulthandler.enable()
# Whoever starts the tests in the background has shells let them ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Whatever hangs says where, and ends.
LIMIT_S = 240


@pytest.fixture(autouse=True)
def _ends():
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def pair():
    """Two members of one run, for a test that plays both."""
    with support.members(2) as both:
        yield both
