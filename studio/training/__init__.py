"""The pocket family: the world that its models know, their training, and the judge of pictures."""
