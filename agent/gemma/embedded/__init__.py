"""The Gemma that ships: its prompt, its grammar, its weights and the planner over them."""
