"""The proofs of the application's identity: secret, certificate, federated token or managed identity."""
