"""Runs tasks: claims runs, keeps their leases, settles what became of them."""
