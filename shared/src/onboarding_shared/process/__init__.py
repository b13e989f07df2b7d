"""The process of a service: settings and background loops."""
