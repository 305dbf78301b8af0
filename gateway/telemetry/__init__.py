"""What the gateway tells other programs about itself."""
