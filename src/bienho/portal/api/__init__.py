"""The door of systems: tokens, certificates, and the first resources behind them."""
