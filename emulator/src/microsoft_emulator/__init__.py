"""A server in the shape of Microsoft Graph and its token service, for the demo and the tests.

It speaks real HTTP and keeps every tenant in memory. Any well-formed GUID is a healthy tenant until
``PUT /_control/tenants/{guid}`` says otherwise; ``POST /_control/reset`` makes all healthy again.
"""
