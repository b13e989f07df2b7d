"""The web application: static files of ``/app/``, which speak the public API only."""
