"""Commands that run in the test's own process set its logging up as their own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def logging_as_before() -> Iterator[None]:
    """Else every later test of this process would log to the standard error of a test that is over."""
    kafka = logging.getLogger("aiokafka")
    level = kafka.level
    yield
    structlog.reset_defaults()
    kafka.setLevel(level)
