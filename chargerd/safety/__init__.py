"""The gate between wishes and contactors."""
