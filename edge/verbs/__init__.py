"""One module per verb of the command line; `edge.cli` imports only the one that is asked for."""
