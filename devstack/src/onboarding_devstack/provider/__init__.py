"""The identity provider of the embedded system: OpenID Connect, with a page on which one chooses a person."""
