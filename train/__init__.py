"""Hand-off to trainers: Axolotl configs, step arithmetic, the Trainer protocol."""
