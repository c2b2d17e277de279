"""The text task: a pretrained character language model, fine-tuned towards the reactions it provokes."""
