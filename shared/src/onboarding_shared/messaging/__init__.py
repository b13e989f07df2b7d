"""Messages out of one database and into another: outbox, relay, consumer, inbox, dead letters."""
