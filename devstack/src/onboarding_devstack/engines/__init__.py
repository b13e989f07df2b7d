"""The engines of an embedded system: PostgreSQL and a broker, and the choice between them."""
