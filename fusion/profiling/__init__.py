"""Operations, time and memory of fusion methods."""
