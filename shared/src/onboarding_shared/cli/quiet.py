"""Keep the libraries' own log lines out of a command's output."""

import logging
import sys


def quiet_libraries() -> None:
    """Only warnings of the code that we share with the services, to standard error; nothing of the Kafka client's."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
