"""The service under load: cycles of suggest and finish a second, and how long each takes, beside Optuna."""
