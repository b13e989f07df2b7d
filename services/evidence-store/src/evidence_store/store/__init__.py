"""The database of evidence-store. Only these modules contain SQL."""
