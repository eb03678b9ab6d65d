"""What every training run shares: settings, run folders, checkpoints, crops, the step loop."""
