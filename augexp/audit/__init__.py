"""What is to be known of a data set before anything is trained on it. The door: `look.look`."""
