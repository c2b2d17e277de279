"""Objectives, and the agents that run them."""
