"""Fitness from sequences: where a wrong density model knows more of fitness than the right one."""
