"""What a study is after besides one objective, as factors of the surface that is maximised."""
