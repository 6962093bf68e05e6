"""What is fitted on the user's own labelled cases: probabilities, and sets of a stated coverage."""
