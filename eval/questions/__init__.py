"""Questions, how they are asked and read, and what the replies are worth. Below `pipelines`: the filters read it.

`items` and `files`: which sets there are. `choices` asks, `parsing` reads a letter or a name in a reply, `likelihood`
asks models that cannot answer by one; `judged` scores open replies; `intervals` says how sure a rate is.
"""
