"""How the shipped reference models were made; nothing here is needed to run them."""
