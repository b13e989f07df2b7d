"""`demo`: a whole onboarding over the public HTTP API."""

from onboarding_devstack.cli.demo.command import demo

__all__ = ["demo"]
