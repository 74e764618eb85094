"""Products in bf16 on the CPU's matrix units: float32 arrays are rounded, multiplied, and added up in float32."""
