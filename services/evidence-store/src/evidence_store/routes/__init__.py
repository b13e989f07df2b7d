"""What readers may ask."""
