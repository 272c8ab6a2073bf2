"""What a shopper's sentence means, read with the shop's own words: no model, no network."""
