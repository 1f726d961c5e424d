"""What layers under mixed precision share: the type in which sums of squares, powers and exponentials are safe."""

__all__ = ["wide_dtype"]


def wide_dtype(compute_dtype):
    """Type for sums of squares, powers and exponentials, which overflow in float16 from 65,504 on."""
    return "float64" if compute_dtype == "float64" else "float32"
