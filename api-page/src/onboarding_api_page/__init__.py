"""The files of the API page, which the web part of the shared package serves if this package is installed."""
