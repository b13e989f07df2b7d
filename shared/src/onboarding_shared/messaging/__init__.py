"""Reliable messaging between the services: outbox, relay, consumer, inbox, dead letters."""
