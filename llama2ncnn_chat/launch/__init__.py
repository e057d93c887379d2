"""From options to an open model and an open chat. Knows no argparse and draws nothing."""
