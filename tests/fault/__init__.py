"""The whole embedded system while its processes are killed."""
