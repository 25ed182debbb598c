"""Running a pipeline: started, watched, stopped, and shown."""
