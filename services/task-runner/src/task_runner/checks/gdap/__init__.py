"""Granular delegated admin privileges (GDAP), read in the partner tenant."""
