"""The trainers that ship: Axolotl and TRL."""
