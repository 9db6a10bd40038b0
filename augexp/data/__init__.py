"""Data: where examples come from, the decoded cache, the splits, and the tf.data pipeline over them."""
