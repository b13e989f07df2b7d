"""What the application proves its identity with: secret, certificate, federated token or managed identity."""
