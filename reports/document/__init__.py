"""What the report says, in order, whatever it is written as."""
