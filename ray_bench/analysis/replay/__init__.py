"""What a network would make of a measured run: DDP's bucket schedule at any world size."""
