"""Velocity against effort: PPO on a simulated cheetah, the paper's control task at a size for one core."""
