"""The evidence store: results of runs, append-only, sealed in a hash chain per tenant, and queryable."""
