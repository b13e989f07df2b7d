"""Protection of a tenant's sign-ins and administrators."""
