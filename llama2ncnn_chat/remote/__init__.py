"""An engine that runs elsewhere, as a completer: what it is, how it is asked, what it answers."""
