"""What the store holds, read: scores, what lies beside them, and how they were made."""
