"""Questions, how they are asked and read, and what the replies are worth. Below `pipelines`: the filters read it."""
