"""Keeps what each run found: append-only, sealed in a hash chain per tenant, and queryable."""
