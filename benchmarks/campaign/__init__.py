"""The fault campaign: what can go wrong around the program, done to it again and again.

    python -m benchmarks.campaign [--short] [--only PART ...] [--seed N]

Everything happens in temporary homes. A loss is what a person would lose or be left without: a
message that was answered and is gone, a session that can't be read, half a model, litter, a
traceback, a crash, a hang. It ends with 1 if there is any, and tells each with how to repeat it.
"""
