"""What kind of picture is this, where there is no header to say so."""
