"""The HTTP side: the operations that readers may call."""
