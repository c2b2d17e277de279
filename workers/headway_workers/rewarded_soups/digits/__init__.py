"""The smoke test: rewarded soups of a small perceptron that names handwritten digits, in seconds."""
