"""Commands that build, audit or fit; nothing of the product imports them."""
