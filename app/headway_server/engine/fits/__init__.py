"""How hyperparameters and the output transform are found."""
