"""Networks that two stages share."""
