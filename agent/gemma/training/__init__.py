"""How the shipped Gemma was made: generated consultations, a tokenizer and a model from scratch."""
