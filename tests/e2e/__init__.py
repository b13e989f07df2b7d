"""The whole embedded system from outside."""
