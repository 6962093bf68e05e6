"""Published encoders as feature extractors, and heads that are trained on them."""
