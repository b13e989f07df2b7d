"""How a tenant protects its sign-ins and administrators."""
