"""Training: what is trained on, checked; trainers, their arithmetic and their files; running, submitting, serving."""
