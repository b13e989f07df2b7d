"""Tasks of a platform team, installed beside the product's own."""
