"""An emulator of Microsoft Graph and its token service, for the demo and the tests.

It serves HTTP and stores every tenant in memory. Any well-formed GUID is a healthy tenant until
``PUT /_control/tenants/{guid}`` changes it; ``POST /_control/reset`` makes all tenants healthy again.
"""
