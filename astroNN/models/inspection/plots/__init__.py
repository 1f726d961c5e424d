"""Pictures of networks: what they learnt, how well they answer, and what their answers come from.

Every function returns a figure of matplotlib and its axes; none shows it, and files are written only when asked for.
"""
