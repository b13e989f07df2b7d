"""The embedded system: PostgreSQL, a Kafka broker, a Graph-shaped server and the three services as child processes.

For development, the demo and the tests; the distribution ``onboarding-devstack``, which production does not install.
"""
