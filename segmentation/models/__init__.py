"""What predicts label maps, one file each."""
