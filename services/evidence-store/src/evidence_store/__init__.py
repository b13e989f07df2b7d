"""The evidence store: an append-only record of run results, sealed in one hash chain per tenant, with a query API."""
