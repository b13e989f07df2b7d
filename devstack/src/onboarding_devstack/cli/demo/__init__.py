"""`demo`: the story of one onboarding, told over the public HTTP API."""

from onboarding_devstack.cli.demo.command import demo

__all__ = ["demo"]
