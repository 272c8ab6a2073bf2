"""Pictures of products, drawn from what the catalogue says of them."""
