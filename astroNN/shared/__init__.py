"""What every room of the library needs: checks of input, atomic files, messages, old names."""
