"""Random damage to the bytes of a file, as a bad disk, a broken copy or an attacker would do it."""

import random

EXTREME_WORDS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0")
HEADER_BYTES = 200


def flip_bit(content: bytes, rng: random.Random) -> bytes:
    """Flip one bit."""
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut off the end, overwrite a word or a byte of the header, insert or delete."""
    place, changed = rng.randrange(len(content)), bytearray(content)
    length = rng.choice((1, 4, 100))
    match rng.choices(range(6), (50, 10, 15, 15, 5, 5))[0]:
        case 0:
            for _ in range(rng.choice((1, 1, 1, 2, 8))):
                changed = bytearray(flip_bit(bytes(changed), rng))
        case 1:
            del changed[place:]
        case 2:
            changed[place : place + 4] = rng.choice(EXTREME_WORDS)
        case 3:
            changed[rng.randrange(min(len(content), HEADER_BYTES))] = rng.randrange(256)
        case 4:
            changed[place:place] = rng.randbytes(length)
        case _:
            del changed[place : place + length]
    return bytes(changed)
