"""An answer as one HTML file: nothing is loaded, no script runs, every statement leads on."""
